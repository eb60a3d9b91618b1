// Products that take the norm in front of them and SwiGLU behind them along, against the same in 64 bits.
import { describe, expect, it } from 'vitest';
import { isFusable, normedProduct, normedSwiglu } from '../../src/engine/planned/kernels/fused-product';
import type { VectorVariant } from '../../src/engine/planned/kernels/mat-mul-shape';
import { frozen } from '../../src/engine/planned/parameter';
import { relativeError } from '../../src/engine/reference/compare';
import { externalValue } from '../../src/engine/planned/recorder';
import { draws, run } from './planned-fixture';

const EPSILON = 1e-5;

interface Size {
  rows: number;
  /** Rows of the weight. */
  out: number;
  in: number;
}

const dataOf = ({ rows, out, in: input }: Size) => ({
  x: draws(rows * input),
  norm: draws(input),
  weight: draws(out * input),
});
type Data = ReturnType<typeof dataOf>;

/** norm(x) W^T in 64 bits, [rows, out]. */
function reference({ rows, out, in: input }: Size, { x, norm, weight }: Data): Float64Array {
  const y = new Float64Array(rows * out);
  for (let row = 0; row < rows; row += 1) {
    const values = Array.from(x.subarray(row * input, (row + 1) * input));
    const squares = values.reduce((sum, value) => sum + value * value, 0);
    const scale = 1 / Math.sqrt(squares / input + EPSILON);
    for (let column = 0; column < out; column += 1) {
      y[row * out + column] = values.reduce(
        (sum, value, k) => sum + value * scale * (norm[k] ?? 0) * (weight[column * input + k] ?? 0),
        0,
      );
    }
  }
  return y;
}

function gated({ rows, out }: Size, y: Float64Array): Float64Array {
  const size = out / 2;
  return Float64Array.from({ length: rows * size }, (_, n) => {
    const at = Math.floor(n / size) * out + (n % size);
    const gate = y[at] ?? 0;
    return (gate / (1 + Math.exp(-gate))) * (y[at + size] ?? 0);
  });
}

async function fused(
  { rows, out, in: input }: Size,
  data: Data,
  isGated: boolean,
  variant: VectorVariant | null = null,
): Promise<Float32Array> {
  const { y } = await run(
    ({ tape, input: given }) => {
      const x = given('x', [rows, input], data.x);
      const norm = { weight: frozen(given('norm', [input], data.norm)), epsilon: EPSILON };
      const weight = frozen(given('weight', [out, input], data.weight));
      if (isGated) return { y: normedSwiglu(tape.recorder, x, norm, weight) };
      const y = tape.recorder.temporary('y', [rows, out]);
      normedProduct(tape.recorder, x, norm, weight, y);
      return { y };
    },
    variant === null ? null : () => variant,
  );
  return y ?? new Float32Array();
}

const onGpu: VectorVariant = { kind: 'vector', columns: 4, lanes: 32, workgroupSize: 64 };
const CASES: [Size, VectorVariant | null][] = [
  [{ rows: 1, out: 24, in: 20 }, null],
  [{ rows: 2, out: 72, in: 64 }, null],
  [{ rows: 5, out: 200, in: 36 }, null],
  [{ rows: 8, out: 520, in: 128 }, null],
  [{ rows: 1, out: 72, in: 200 }, onGpu],
  [
    { rows: 3, out: 24, in: 20 },
    { ...onGpu, lanes: 64 },
  ],
  // The sums of eight gated rows have no room for 64 invocations.
  [
    { rows: 8, out: 40, in: 64 },
    { ...onGpu, lanes: 64 },
  ],
];

describe.each(CASES)('%o, variant %o', (size, variant) => {
  it('normedProduct and normedSwiglu: the reference', async () => {
    const data = dataOf(size);
    const expected = reference(size, data);
    expect(relativeError(await fused(size, data, false, variant), expected)).toBeLessThan(1e-5);
    expect(relativeError(await fused(size, data, true, variant), gated(size, expected))).toBeLessThan(1e-5);
  });
});

describe('fused products', () => {
  it('control: a norm weight off by a thousandth is caught', async () => {
    const size = { rows: 2, out: 24, in: 20 };
    const data = dataOf(size);
    const y = await fused(size, data, false);
    const wrong = reference(size, { ...data, norm: data.norm.map((value) => value * 1.001) });
    expect(relativeError(y, reference(size, data))).toBeLessThan(1e-5);
    expect(relativeError(y, wrong)).toBeGreaterThan(1e-4);
  });

  it('isFusable: few rows, sizes in fours, f32, whole', () => {
    const value = externalValue('w', [24, 20]);
    expect(isFusable(8, frozen(value))).toBe(true);
    expect(isFusable(9, frozen(value))).toBe(false);
    expect(isFusable(1, frozen(externalValue('w', [24, 18])))).toBe(false);
    const scales = externalValue('scales', [24, 1]);
    expect(isFusable(1, frozen(value, { bits: 8, scales }))).toBe(false);
    expect(isFusable(1, { ...frozen(value), parts: [frozen(value)] })).toBe(false);
  });
});
