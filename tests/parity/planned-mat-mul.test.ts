import { describe, expect, it } from 'vitest';
import { relativeError } from '../../src/engine/reference/compare';
import { matMul } from '../../src/engine/planned/kernels/mat-mul';
import { draws, run } from './planned-fixture';

/** op(A) op(B) in 64 bits. */
function product(
  a: Float32Array,
  b: Float32Array,
  [m, n, k]: [number, number, number],
  ta: boolean,
  tb: boolean,
) {
  return Float64Array.from({ length: m * n }, (_, index) => {
    const [row, column] = [Math.floor(index / n), index % n];
    let sum = 0;
    for (let p = 0; p < k; p += 1) {
      sum += (a[ta ? p * m + row : row * k + p] ?? NaN) * (b[tb ? column * k + p : p * n + column] ?? NaN);
    }
    return sum;
  });
}

describe('matMul', () => {
  const sizes: [number, number, number][] = [
    [1, 5, 7],
    [3, 2, 1],
    [33, 17, 20],
    [64, 48, 32],
  ];
  for (const [ta, tb] of [
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ] as const) {
    it.each(sizes)(`%i x %i x %i, transposes ${ta} ${tb}: the product`, async (m, n, k) => {
      const [a, b] = [draws(m * k), draws(k * n)];
      const { c } = await run(({ tape, input }) => {
        const c = tape.recorder.temporary('c', [m, n]);
        const [A, B] = [input('a', [m, k], a), input('b', [k, n], b)];
        matMul(tape.recorder, { a: A, b: B, c }, { m, n, k }, { transposeA: ta, transposeB: tb });
        return { c };
      });
      expect(relativeError(c ?? [], product(a, b, [m, n, k], ta, tb))).toBeLessThan(1e-6);
    });
  }

  it('scale, residual and result: added once each', async () => {
    const [m, n, k] = [6, 10, 4];
    const [a, b, r] = [draws(m * k), draws(k * n), draws(m * n)];
    const { c } = await run(({ tape, input }) => {
      const c = tape.recorder.temporary('c', [m, n]);
      const operands = { a: input('a', [m, k], a), b: input('b', [k, n], b), c };
      matMul(tape.recorder, { ...operands, residual: input('r', [m, n], r) }, { m, n, k });
      matMul(tape.recorder, operands, { m, n, k }, { plus: 'result', scale: 0.5 });
      return { c };
    });
    const once = product(a, b, [m, n, k], false, false);
    expect(
      relativeError(
        c ?? [],
        once.map((value, index) => 1.5 * value + (r[index] ?? NaN)),
      ),
    ).toBeLessThan(1e-6);
  });

  it('parts of wider matrices: only these are read and written', async () => {
    const [m, n, k] = [3, 4, 2];
    const [a, b, c0] = [draws(m * 5), draws(k * n), draws(m * 9)];
    const { c } = await run(({ tape, input }) => {
      const c = input('c', [m, 9], c0);
      const operands = { a: input('a', [m, 5], a), b: input('b', [k, n], b), c };
      matMul(
        tape.recorder,
        operands,
        { m, n, k },
        { a: { start: 3, stride: 5 }, c: { start: 2, stride: 9 } },
      );
      return { c };
    });
    const part = Float32Array.from(
      { length: m * k },
      (_, i) => a[Math.floor(i / k) * 5 + 3 + (i % k)] ?? NaN,
    );
    const expected = Float64Array.from(c0);
    product(part, b, [m, n, k], false, false).forEach((value, i) => {
      expected[Math.floor(i / n) * 9 + 2 + (i % n)] = value;
    });
    expect(relativeError(c ?? [], expected)).toBeLessThan(1e-6);
  });
});
