import { describe, expect, it } from 'vitest';
import { attention, type AttentionShape } from '../../src/engine/planned/kernels/attention';
import { registerVariant, sharedVariant } from '../../src/engine/planned/kernels/attention-default';
import { type AttentionVariant } from '../../src/engine/planned/kernels/attention-tile';
import type { DeviceTraits } from '../../src/engine/planned/recorder';
import { relativeError } from '../../src/engine/reference/compare';
import { draws, run } from './planned-fixture';

interface Reference {
  output: Float64Array;
  gradient: Float64Array;
}

/** What may be wrong on purpose, for the controls. */
interface Mistake {
  scale?: number;
  segments?: boolean;
}

/** Softmax attention and its gradient by qkv in 64 bits, with all probabilities of a query at hand. */
function reference(
  qkv: Float32Array,
  dy: Float32Array,
  segments: Int32Array,
  { rows, length, heads, kvHeads, headSize, window }: AttentionShape,
  mistake: Mistake = {},
): Reference {
  const stride = (heads + 2 * kvHeads) * headSize;
  const scale = mistake.scale ?? 1 / Math.sqrt(headSize);
  const output = new Float64Array(rows * length * heads * headSize);
  const gradient = new Float64Array(qkv.length);
  const dot = (a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number): number => {
    let sum = 0;
    for (let d = 0; d < headSize; d += 1) sum += (a[i + d] ?? NaN) * (b[j + d] ?? NaN);
    return sum;
  };
  const add = (to: Float64Array, i: number, from: ArrayLike<number>, j: number, factor: number): void => {
    for (let d = 0; d < headSize; d += 1) to[i + d] = (to[i + d] ?? NaN) + factor * (from[j + d] ?? NaN);
  };
  for (let token = 0; token < rows * length; token += 1) {
    const start = token - (token % length);
    const seen: number[] = [];
    for (let key = start; key <= token; key += 1) {
      if (mistake.segments !== false && segments[key] !== segments[token]) continue;
      if (typeof window === 'number' && token - key >= window) continue;
      seen.push(key);
    }
    for (let head = 0; head < heads; head += 1) {
      const kvHead = Math.floor((head * kvHeads) / heads);
      const q = token * stride + head * headSize;
      const y = (token * heads + head) * headSize;
      const keyAt = (key: number): number => key * stride + (heads + kvHead) * headSize;
      const valueAt = (key: number): number => keyAt(key) + kvHeads * headSize;
      const scores = seen.map((key) => scale * dot(qkv, q, qkv, keyAt(key)));
      const most = Math.max(...scores);
      const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
      const shares = scores.map((score) => Math.exp(score - most) / total);
      seen.forEach((key, n) => {
        add(output, y, qkv, valueAt(key), shares[n] ?? NaN);
        add(gradient, valueAt(key), dy, y, shares[n] ?? NaN);
      });
      const dShares = seen.map((key) => dot(dy, y, qkv, valueAt(key)));
      const inner = shares.reduce((sum, share, n) => sum + share * (dShares[n] ?? NaN), 0);
      seen.forEach((key, n) => {
        const dScore = scale * (shares[n] ?? NaN) * ((dShares[n] ?? NaN) - inner);
        add(gradient, q, qkv, keyAt(key), dScore);
        add(gradient, keyAt(key), qkv, q, dScore);
      });
    }
  }
  return { output, gradient };
}

const widthOf = ({ heads, kvHeads, headSize }: AttentionShape): number => (heads + 2 * kvHeads) * headSize;

interface Case {
  shape: AttentionShape;
  segments: Int32Array<ArrayBuffer>;
  qkv: Float32Array<ArrayBuffer>;
  dy: Float32Array<ArrayBuffer>;
}

/** @param lengths of the samples in every row; what is left is padding. */
function caseOf(shape: AttentionShape, lengths: number[]): Case {
  const row = lengths.flatMap((length, segment) => Array.from({ length }, () => segment));
  const tokens = shape.rows * shape.length;
  return {
    shape,
    segments: Int32Array.from({ length: tokens }, (_, token) => row[token % shape.length] ?? -1),
    qkv: draws(tokens * widthOf(shape)),
    dy: draws(tokens * shape.heads * shape.headSize),
  };
}

async function planned(
  { shape, segments, qkv, dy }: Case,
  variant?: AttentionVariant,
  traits: Partial<DeviceTraits> = {},
) {
  const tokens = shape.rows * shape.length;
  return run(
    ({ tape, input }) => {
      const x = input('qkv', [tokens, widthOf(shape)], qkv, true);
      const output = attention(tape, x, input('segments', [tokens], segments), shape, variant);
      tape.hand(output, input('dy', output.shape, dy));
      tape.backward();
      const gradient = tape.gradient(x);
      if (gradient === null) throw new Error('No gradient arrived.');
      return { output, gradient };
    },
    null,
    traits,
  );
}

async function errors(
  given: Case,
  expected: Reference,
  variant?: AttentionVariant,
  traits: Partial<DeviceTraits> = {},
) {
  const { output, gradient } = await planned(given, variant, traits);
  return {
    output: relativeError(output ?? [], expected.output),
    gradient: relativeError(gradient ?? [], expected.gradient),
  };
}

const expectedOf = ({ qkv, dy, segments, shape }: Case, mistake?: Mistake): Reference =>
  reference(qkv, dy, segments, shape, mistake);

/** Small heads: code is unrolled over them, and compiling is what these tests wait for. */
const SHAPE: AttentionShape = { rows: 2, length: 37, heads: 4, kvHeads: 2, headSize: 8 };

const cases: [string, AttentionShape, number[]][] = [
  ['one sample', SHAPE, [37]],
  ['one token', { ...SHAPE, length: 1 }, [1]],
  ['packed samples and padding', SHAPE, [5, 1, 20, 3]],
  ['nothing but padding', SHAPE, []],
  ['a window', { ...SHAPE, window: 7 }, [37]],
  ['a window over packed samples', { ...SHAPE, window: 7 }, [12, 20]],
  ['a window longer than the sequence', { ...SHAPE, window: 100 }, [30]],
  ['head size 6, three heads per key head', { ...SHAPE, headSize: 6, heads: 3, kvHeads: 1 }, [9, 20]],
  ['head size 32', { ...SHAPE, headSize: 32 }, [9, 20]],
  ['head size 64, no groups', { ...SHAPE, headSize: 64, heads: 2 }, [30]],
  ['head size 128, nine heads per key head', { ...SHAPE, headSize: 128, heads: 9, kvHeads: 1 }, [30]],
];

describe('attention', () => {
  it.each(cases)('%s: output and gradient are the reference', async (_, shape, lengths) => {
    const given = caseOf(shape, lengths);
    const expected = expectedOf(given);
    const error = await errors(given, expected, registerVariant(shape));
    expect(error.output).toBeLessThan(1e-5);
    expect(error.gradient).toBeLessThan(1e-4);
  });

  it.each([
    ['packed samples', { ...SHAPE, length: 150 }, [20, 100, 10]],
    ['a window', { ...SHAPE, length: 150, window: 70 }, [140]],
  ] as const)('workgroup memory, %s: the same numbers', async (_, shape, lengths) => {
    const given = caseOf(shape, [...lengths]);
    // 32 keys a tile: several tiles, the last of them not full.
    const error = await errors(given, expectedOf(given), { ...sharedVariant(), sharedBytes: 2048 });
    expect(error.output).toBeLessThan(1e-5);
    expect(error.gradient).toBeLessThan(1e-4);
  });

  it.each([
    ['one sample', SHAPE, [37]],
    ['a window over packed samples', { ...SHAPE, window: 7 }, [12, 20]],
  ] as const)('many short dispatches, %s: the same numbers', async (_, shape, lengths) => {
    const given = caseOf(shape, [...lengths]);
    const error = await errors(given, expectedOf(given), registerVariant(shape), { dispatchFlops: 1 });
    expect(error.output).toBeLessThan(1e-5);
    expect(error.gradient).toBeLessThan(1e-4);
  });

  it('segments in any order: the same rule', async () => {
    const given = caseOf({ ...SHAPE, rows: 1 }, [37]);
    given.segments.forEach((_, token, all) => (all[token] = [2, -1, 0, 5][token % 4] ?? 0));
    const error = await errors(given, expectedOf(given));
    expect(error.output).toBeLessThan(1e-5);
    expect(error.gradient).toBeLessThan(1e-4);
  });

  it('large scores: no overflow', async () => {
    const given = caseOf(SHAPE, [20, 10]);
    given.qkv.forEach((value, index, all) => (all[index] = 8 * value));
    const error = await errors(given, expectedOf(given));
    expect(error.output).toBeLessThan(1e-4);
    expect(error.gradient).toBeLessThan(1e-3);
  });

  it('reference: its gradient is what differences of its output say', () => {
    const given = caseOf({ rows: 1, length: 5, heads: 2, kvHeads: 1, headSize: 6 }, [3, 2]);
    const { gradient } = expectedOf(given);
    const loss = (qkv: Float32Array<ArrayBuffer>): number =>
      expectedOf({ ...given, qkv }).output.reduce((sum, y, n) => sum + y * (given.dy[n] ?? NaN), 0);
    const estimated = gradient.map((_, index) => {
      const [up, down] = [given.qkv.slice(), given.qkv.slice()];
      up[index] = (up[index] ?? NaN) + 1e-2;
      down[index] = (down[index] ?? NaN) - 1e-2;
      return (loss(up) - loss(down)) / ((up[index] ?? NaN) - (down[index] ?? NaN));
    });
    expect(relativeError(estimated, gradient)).toBeLessThan(1e-3);
  });

  it('controls: a wrong scale and a missing mask are seen', async () => {
    const given = caseOf(SHAPE, [10, 20]);
    const right = { output: 1e-5, gradient: 1e-4 };
    for (const mistake of [{ scale: 0.354 }, { segments: false }]) {
      const error = await errors(given, expectedOf(given, mistake));
      expect(error.output).toBeGreaterThan(10 * right.output);
      expect(error.gradient).toBeGreaterThan(right.gradient);
    }
  });

  it('qkv that does not learn: no gradient is recorded', async () => {
    const { shape, segments, qkv } = caseOf(SHAPE, [37]);
    await run(({ tape, input }) => {
      const x = input('qkv', [74, widthOf(shape)], qkv);
      const output = attention(tape, x, input('segments', [74], segments), shape);
      tape.hand(output, output);
      tape.backward();
      expect(tape.gradient(x)).toBeNull();
      return { output };
    });
  });

  it('shapes that do not fit: refused', async () => {
    const { segments, qkv } = caseOf(SHAPE, [37]);
    const refused = run(({ tape, input }) => {
      const x = input('qkv', [74, widthOf(SHAPE)], qkv);
      return { y: attention(tape, x, input('segments', [74], segments), { ...SHAPE, rows: 3 }) };
    });
    await expect(refused).rejects.toThrow('111 tokens');
  });
});
