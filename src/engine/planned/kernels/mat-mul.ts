// Matrix product C = scale * op(A) op(B) (+ R or + C), the kernel that everything else waits for. Operands may be parts
// of wider matrices. Variants compute the same numbers in other ways; which one is fast depends on the device, so the
// recorder says which to take.
import type { Kernel } from '../kernel';
import type { Recorder, Value } from '../recorder';
import { defaultVariant, targetOf } from '../tune/default-variants';
import { directGrid, directKernel } from './mat-mul-direct';
import {
  MAX_VECTOR_ROWS,
  matMulConstants,
  matMulName,
  range,
  matMulVariantName,
  type MatMulGrid,
  type MatMulShape,
  type MatMulVariant,
  type VectorVariant,
} from './mat-mul-shape';
import { sharedGrid, sharedKernel } from './mat-mul-shared';
import { sumPartsKernel } from './mat-mul-split';
import { subgroupGrid, subgroupKernel } from './mat-mul-subgroup';
import { vectorGrid, vectorKernel } from './mat-mul-vector';

export type { MatMulShape, MatMulVariant, MatrixPart } from './mat-mul-shape';

/** What a product takes when its recorder does not say. */
function variantFor(recorder: Recorder, shape: MatMulShape): MatMulVariant {
  const { variantOf, traits } = recorder;
  return variantOf?.(shape) ?? defaultVariant(shape, targetOf(traits));
}

function planned(shape: MatMulShape, variant: MatMulVariant): { kernel: Kernel; grid: MatMulGrid } {
  switch (variant.kind) {
    case 'direct':
      return { kernel: directKernel(shape, variant), grid: directGrid(shape, variant) };
    case 'shared':
      return { kernel: sharedKernel(shape, variant), grid: sharedGrid(shape, variant) };
    case 'subgroup':
      return { kernel: subgroupKernel(shape, variant), grid: subgroupGrid(shape, variant) };
    case 'vector':
      if (shape.m > MAX_VECTOR_ROWS)
        throw new RangeError(`${matMulName(shape)}: vectors are for at most ${MAX_VECTOR_ROWS} rows.`);
      return { kernel: vectorKernel(shape, variant), grid: vectorGrid(shape, variant) };
  }
}

export interface MatMulOperands {
  a: Value;
  b: Value;
  c: Value;
  /** Only where `plus` is `residual`; laid out like C. */
  residual?: Value;
}

/** Records a product. What is not given is a whole matrix, overwritten, unscaled. */
export function matMul(
  recorder: Recorder,
  operands: MatMulOperands,
  size: Pick<MatMulShape, 'm' | 'n' | 'k'>,
  options: Partial<Omit<MatMulShape, 'm' | 'n' | 'k'>> = {},
): void {
  const { transposeA = false, transposeB = false } = options;
  const shape: MatMulShape = {
    scale: 1,
    plus: operands.residual === undefined ? 'none' : 'residual',
    a: { start: 0, stride: transposeA ? size.m : size.k },
    b: { start: 0, stride: transposeB ? size.k : size.n },
    c: { start: 0, stride: size.n },
    ...size,
    ...options,
    transposeA,
    transposeB,
  };
  const variant = variantFor(recorder, shape);
  if (variant.kind !== 'vector' && variant.splits > 1) inParts(recorder, operands, shape, variant);
  else
    for (const rows of rowRanges(shape, recorder.traits.dispatchFlops))
      record(recorder, operands, rows, variant);
}

/** Rows of C that a dispatch computes are whole tiles of every variant. */
const ROWS_STEP = 128;

/** The product in ranges of rows of about `limit` floating-point operations: what one dispatch may keep the device busy for. */
function rowRanges(shape: MatMulShape, limit: number): MatMulShape[] {
  const { m, n, k, a, c, transposeA } = shape;
  const most = Math.max(1, Math.floor(limit / (2 * n * k * ROWS_STEP))) * ROWS_STEP;
  return range(Math.ceil(m / most)).map((index) => {
    const row = index * most;
    return {
      ...shape,
      m: Math.min(most, m - row),
      a: { ...a, start: a.start + row * (transposeA ? 1 : a.stride) },
      c: { ...c, start: c.start + row * c.stride },
    };
  });
}

function record(
  recorder: Recorder,
  { a, b, c, residual }: MatMulOperands,
  shape: MatMulShape,
  variant: MatMulVariant,
): void {
  const { kernel, grid } = planned(shape, variant);
  const numbers = recorder.constant(...matMulConstants(shape, grid));
  const values = residual === undefined ? [a, b, numbers, c] : [a, b, numbers, residual, c];
  recorder.dispatch({ ...kernel, variant: matMulVariantName(variant) }, values);
}

/** Each part of the sum over k in a matrix of its own, then their sum. */
function inParts(
  recorder: Recorder,
  operands: MatMulOperands,
  shape: MatMulShape,
  variant: Exclude<MatMulVariant, VectorVariant>,
): void {
  const { m, n } = shape;
  const { splits } = variant;
  const parts = recorder.temporary('parts of a product', [splits, m, n]);
  const { a, b, c, residual } = operands;
  const part: MatMulShape = { ...shape, scale: 1, plus: 'none', c: { start: 0, stride: n } };
  record(recorder, { a, b, c: parts }, part, variant);
  const numbers = recorder.constant(...matMulConstants(shape, { across: 1, depth: splits }));
  const kernel = sumPartsKernel(shape, recorder.traits.rowLanes === 1 ? 16 : 64);
  recorder.dispatch(kernel, residual === undefined ? [parts, numbers, c] : [parts, numbers, residual, c]);
}
