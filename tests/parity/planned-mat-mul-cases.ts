// Products with known answers, for every variant.
import { relativeError } from '../../src/engine/reference/compare';
import { matMul, type MatMulVariant } from '../../src/engine/planned/kernels/mat-mul';
import { draws, run } from './planned-fixture';

export interface Case {
  size: { m: number; n: number; k: number };
  transposeA: boolean;
  transposeB: boolean;
}

/** op(A) op(B) in 64 bits. */
export function product(
  a: Float32Array,
  b: Float32Array,
  { size: { m, n, k }, transposeA, transposeB }: Case,
): Float64Array<ArrayBuffer> {
  return Float64Array.from({ length: m * n }, (_, index) => {
    const [row, column] = [Math.floor(index / n), index % n];
    let sum = 0;
    for (let p = 0; p < k; p += 1) {
      const x = a[transposeA ? p * m + row : row * k + p] ?? NaN;
      sum += x * (b[transposeB ? column * k + p : p * n + column] ?? NaN);
    }
    return sum;
  });
}

/** Relative error of the whole C. @param variant null takes the default. */
export async function productError(test: Case, variant: MatMulVariant | null): Promise<number> {
  const { size, transposeA, transposeB } = test;
  const { m, n, k } = size;
  const [a, b] = [draws(m * k), draws(k * n)];
  const { c } = await run(
    ({ tape, input }) => {
      const c = tape.recorder.temporary('c', [m, n]);
      const operands = { a: input('a', [m, k], a), b: input('b', [k, n], b), c };
      matMul(tape.recorder, operands, size, { transposeA, transposeB });
      return { c };
    },
    variant === null ? null : () => variant,
  );
  return relativeError(c ?? [], product(a, b, test));
}

/**
 * Relative error of C where A and C are parts of wider matrices, a residual is added first and half the product then.
 * What lies around C's part counts as well: it must stay.
 */
export async function partsError(test: Case, variant: MatMulVariant | null): Promise<number> {
  const { size, transposeA, transposeB } = test;
  const { m, n, k } = size;
  const [rows, columns] = transposeA ? [k, m] : [m, k];
  const [aStart, aStride, cStart, cStride] = [4, columns + 8, 8, n + 12];
  const [a, b] = [draws(rows * aStride), draws(k * n)];
  const [c0, r] = [draws(m * cStride), draws(m * cStride)];
  const { c } = await run(
    ({ tape, input }) => {
      const c = input('c', [m, cStride], c0);
      const operands = { a: input('a', [rows, aStride], a), b: input('b', [k, n], b), c };
      const parts = { a: { start: aStart, stride: aStride }, c: { start: cStart, stride: cStride } };
      const options = { transposeA, transposeB, ...parts };
      matMul(tape.recorder, { ...operands, residual: input('r', [m, cStride], r) }, size, options);
      matMul(tape.recorder, operands, size, { ...options, plus: 'result', scale: 0.5 });
      return { c };
    },
    variant === null ? null : () => variant,
  );
  const part = Float32Array.from(
    { length: rows * columns },
    (_, i) => a[Math.floor(i / columns) * aStride + aStart + (i % columns)] ?? NaN,
  );
  const expected = Float64Array.from(c0);
  product(part, b, test).forEach((value, i) => {
    const at = Math.floor(i / n) * cStride + cStart + (i % n);
    expected[at] = 1.5 * value + (r[at] ?? NaN);
  });
  return relativeError(c ?? [], expected);
}
