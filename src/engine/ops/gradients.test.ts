import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../lib/random';
import { EngineDevice } from '../device/engine-device';
import { fromFloats, readFloats, scope, type Tensor } from '../tensor';
import { attention, attentionGradient, attentionMask, type AttentionShape } from './attention';
import { crossEntropyWithGradients } from './cross-entropy';
import { add } from './elementwise';
import { gatherRows, scatterAddRows } from './embedding';
import { geglu, gegluGradient, gelu, geluGradient } from './gelu';
import { layerNorm, layerNormInputGradient, layerNormWeightGradients } from './layer-norm';
import {
  linear,
  linearInputGradient,
  linearWeightGradient,
  loraGradients,
  type LinearWeights,
} from './linear';
import { rmsNorm, rmsNormInputGradient, rmsNormWeightGradient } from './rms-norm';
import { rope, ropeGradient, ropeTables } from './rope';
import { swiglu, swigluGradient } from './swiglu';

// Every backward function against central differences of its own forward function. Float32: the step is coarse and the
// bound is loose, yet far below what a missing term or a wrong sign costs (the last test shows it).
const STEP = 1e-2;
const BOUND = 1e-2;

const random = new Random(3);
const draw = (...shape: number[]): Tensor => {
  const size = shape.reduce((product, n) => product * n, 1);
  return fromFloats(
    Float32Array.from({ length: size }, () => random.normal()),
    shape,
  );
};

/** sum of y times dy, in 64 bits. */
async function weighed(y: Tensor, dy: Tensor): Promise<number> {
  const [values, weights] = [await readFloats(y), await readFloats(dy)];
  return values.reduce((sum, value, i) => sum + value * (weights[i] ?? NaN), 0);
}

/** The gradient of `weighed(forward(x), dy)` by x, one element at a time. */
async function differences(forward: (x: Tensor) => Tensor, x: Tensor, dy: Tensor): Promise<number[]> {
  const values = await readFloats(x);
  const slopes: number[] = [];
  for (let i = 0; i < values.length; i += 1) {
    const at = async (shift: number): Promise<number> => {
      const moved = Float32Array.from(values);
      moved[i] = (moved[i] ?? NaN) + shift;
      return weighed(forward(fromFloats(moved, x.shape)), dy);
    };
    slopes.push(((await at(STEP)) - (await at(-STEP))) / (2 * STEP));
  }
  return slopes;
}

/** Largest difference over the largest slope. */
async function disagreement(
  forward: (x: Tensor) => Tensor,
  x: Tensor,
  dy: Tensor,
  gradient: Tensor,
): Promise<number> {
  const expected = await differences(forward, x, dy);
  const actual = await readFloats(gradient);
  expect(actual).toHaveLength(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((slope, i) => Math.abs(slope - (actual[i] ?? NaN)))) / largest;
}

beforeAll(async () => {
  await new EngineDevice({ wasmPaths: null, gpu: null }).select('cpu');
});

describe('gradients against differences', () => {
  it('rmsNorm: by input and weight', async () => {
    const [x, weight, dy] = [draw(3, 5), draw(5), draw(3, 5)];
    const saved = rmsNorm(x, weight, 1e-5);
    const byInput = rmsNormInputGradient(dy, weight, saved);
    const byWeight = rmsNormWeightGradient(dy, saved);
    expect(await disagreement((v) => rmsNorm(v, weight, 1e-5).y, x, dy, byInput)).toBeLessThan(BOUND);
    expect(await disagreement((v) => rmsNorm(x, v, 1e-5).y, weight, dy, byWeight)).toBeLessThan(BOUND);
  });

  it('swiglu: by gate and up', async () => {
    const [gate, up, dy] = [draw(2, 4), draw(2, 4), draw(2, 4)];
    const { dGate, dUp } = swigluGradient(dy, gate, up, swiglu(gate, up).sigmoid);
    expect(await disagreement((v) => swiglu(v, up).activation, gate, dy, dGate)).toBeLessThan(BOUND);
    expect(await disagreement((v) => swiglu(gate, v).activation, up, dy, dUp)).toBeLessThan(BOUND);
  });

  it.each(['exact', 'tanh'] as const)('gelu and geglu, %s: by input, gate and up', async (form) => {
    const [gate, up, dy] = [draw(3, 4), draw(3, 4), draw(3, 4)];
    const { dGate, dUp } = gegluGradient(dy, gate, up, form);
    expect(await disagreement((v) => gelu(v, form), gate, dy, geluGradient(dy, gate, form))).toBeLessThan(
      BOUND,
    );
    expect(await disagreement((v) => geglu(v, up, form), gate, dy, dGate)).toBeLessThan(BOUND);
    expect(await disagreement((v) => geglu(gate, v, form), up, dy, dUp)).toBeLessThan(BOUND);
  });

  it('gelu: the normal distribution at one, exact and by tanh', async () => {
    const one = fromFloats(Float32Array.of(1, -1), [2]);
    // P(1) = 0.8413447; the approximation gives 0.8411920.
    const [exact, tanh] = [await readFloats(gelu(one, 'exact')), await readFloats(gelu(one, 'tanh'))];
    expect([exact[0], exact[1]].map((v) => v?.toFixed(5))).toEqual(['0.84134', '-0.15866']);
    expect(tanh[0]?.toFixed(5)).toBe('0.84119');
  });

  it('layerNorm: by input, weight and bias', async () => {
    const [x, weight, bias, dy] = [draw(3, 5), draw(5), draw(5), draw(3, 5)];
    const saved = layerNorm(x, weight, bias, 1e-5);
    const { dWeight, dBias } = layerNormWeightGradients(dy, saved);
    const y = (values: { x?: Tensor; weight?: Tensor; bias?: Tensor }): Tensor =>
      layerNorm(values.x ?? x, values.weight ?? weight, values.bias ?? bias, 1e-5).y;
    const dx = layerNormInputGradient(dy, weight, saved);
    expect(await disagreement((v) => y({ x: v }), x, dy, dx)).toBeLessThan(BOUND);
    expect(await disagreement((v) => y({ weight: v }), weight, dy, dWeight)).toBeLessThan(BOUND);
    expect(await disagreement((v) => y({ bias: v }), bias, dy, dBias)).toBeLessThan(BOUND);
  });

  it('rope: by input, and back and forth is where it began', async () => {
    const tables = ropeTables(Int32Array.of(0, 3, 7), Float64Array.of(1, 0.1));
    const [x, dy] = [draw(3, 2, 4), draw(3, 2, 4)];
    expect(await disagreement((v) => rope(v, tables), x, dy, ropeGradient(dy, tables))).toBeLessThan(BOUND);
    const back = await readFloats(ropeGradient(rope(x, tables), tables));
    (await readFloats(x)).forEach((value, i) => expect(back[i]).toBeCloseTo(value, 5));
  });

  it('linear: by input, weight and both LoRA matrices, with dropout', async () => {
    const [x, weight, a, b, dy] = [draw(3, 4), draw(4, 5), draw(4, 2), draw(2, 5), draw(3, 5)];
    const mask = fromFloats(
      Float32Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 0 : 1.5)),
      [3, 4],
    );
    const weights = (changes: Partial<{ weight: Tensor; a: Tensor; b: Tensor }> = {}): LinearWeights => {
      const used = { weight, a, b, ...changes };
      return { weight: used.weight, lora: { a: used.a, b: used.b, scale: 2, dora: null } };
    };
    const { dA, dB } = loraGradients(x, dy, { a, b, scale: 2, dora: null }, mask);
    const forms: [(v: Tensor) => Tensor, Tensor, Tensor][] = [
      [(v) => linear(v, weights(), mask), x, linearInputGradient(dy, weights(), mask)],
      [(v) => linear(x, weights({ weight: v }), mask), weight, linearWeightGradient(x, dy)],
      [(v) => linear(x, weights({ a: v }), mask), a, dA],
      [(v) => linear(x, weights({ b: v }), mask), b, dB],
    ];
    for (const [forward, at, gradient] of forms) {
      expect(await disagreement(forward, at, dy, gradient)).toBeLessThan(BOUND);
    }
  });

  it('attention: by queries, keys and values, with grouped heads and two samples in a row', async () => {
    const shape: AttentionShape = { rows: 1, length: 4, heads: 4, kvHeads: 2, headSize: 2 };
    const mask = attentionMask(Int32Array.of(0, 0, 1, 1), 1, 4);
    const [q, k, v, dy] = [draw(4, 4, 2), draw(4, 2, 2), draw(4, 2, 2), draw(4, 8)];
    const { dq, dk, dv } = attentionGradient(dy, attention(q, k, v, mask, shape).saved, shape);
    expect(await disagreement((x) => attention(x, k, v, mask, shape).y, q, dy, dq)).toBeLessThan(BOUND);
    expect(await disagreement((x) => attention(q, x, v, mask, shape).y, k, dy, dk)).toBeLessThan(BOUND);
    expect(await disagreement((x) => attention(q, k, x, mask, shape).y, v, dy, dv)).toBeLessThan(BOUND);
  });

  it('crossEntropyWithGradients: the loss is right where the label is the likeliest', async () => {
    const [hidden, head] = [
      fromFloats(Float32Array.of(1), [1, 1]),
      fromFloats(Float32Array.of(2, 0), [1, 2]),
    ];
    const { loss } = crossEntropyWithGradients(hidden, head, Int32Array.of(0), true);
    // log(1 + exp(-2))
    expect((await readFloats(loss))[0]).toBeCloseTo(0.126928, 5);
  });

  it('crossEntropy: by hidden and head, rows without a label left out', async () => {
    const [hidden, head, one] = [draw(3, 4), draw(4, 6), fromFloats(Float32Array.of(1), [])];
    const labels = Int32Array.of(2, -100, 5);
    const loss = (h: Tensor, w: Tensor): Tensor => crossEntropyWithGradients(h, w, labels, false).loss;
    const { dHidden, dHead } = crossEntropyWithGradients(hidden, head, labels, true).gradients;
    expect(await disagreement((v) => loss(v, head), hidden, one, dHidden)).toBeLessThan(BOUND);
    if (dHead === null) throw new Error('the head has no gradient');
    expect(await disagreement((v) => loss(hidden, v), head, one, dHead)).toBeLessThan(BOUND);
    expect((await readFloats(dHidden)).slice(4, 8)).toEqual(new Float32Array(4));
  });

  it('gatherRows: by the table, a row that is used twice gets both', async () => {
    const [table, dy] = [draw(4, 2), draw(3, 2)];
    const ids = Int32Array.of(3, 1, 3);
    const gradient = scatterAddRows(dy, ids, 4);
    expect(await disagreement((v) => gatherRows(v, ids), table, dy, gradient)).toBeLessThan(BOUND);
  });

  it('negative control: a gradient without one of its terms is far outside the bound', async () => {
    const [x, weight, dy] = [draw(3, 5), draw(5), draw(3, 5)];
    const { inverseRms } = rmsNorm(x, weight, 1e-5);
    const withoutProjection = scope(() =>
      rmsNormInputGradient(dy, weight, {
        normalized: fromFloats(new Float32Array(15), [3, 5]),
        inverseRms,
      }),
    );
    const forward = (v: Tensor): Tensor => rmsNorm(v, weight, 1e-5).y;
    expect(await disagreement(forward, x, dy, withoutProjection)).toBeGreaterThan(10 * BOUND);
    const doubled = add(dy, dy);
    expect(await disagreement((v) => gatherRows(v, Int32Array.of(0, 1, 2)), x, dy, doubled)).toBeGreaterThan(
      BOUND,
    );
  });
});
