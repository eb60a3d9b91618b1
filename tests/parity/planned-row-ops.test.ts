import { describe, expect, it } from 'vitest';
import type { Activation } from '../../src/engine/planned/kernels/activation';
import { activate, gatedActivation } from '../../src/engine/planned/kernels/gated-activation';
import { layerNorm } from '../../src/engine/planned/kernels/layer-norm';
import { linear } from '../../src/engine/planned/kernels/linear';
import type { Value } from '../../src/engine/planned/recorder';
import { relativeError } from '../../src/engine/reference/compare';
import { Matrix, Tape as ReferenceTape } from '../../src/engine/reference/tape';
import { draws, run, type Bench } from './planned-fixture';

type Data = Float32Array<ArrayBuffer>;

const TOLERANCE = 1e-5;

/** Gradient of sum(y * dy) on the reference's tape, whose results are 1 x 1. */
function backward(tape: ReferenceTape, y: Matrix, dy: Data): void {
  const weighed = tape.multiply(y, new Matrix(y.rows, y.columns, dy));
  const ones = (count: number) => Float64Array.from({ length: count }, () => 1);
  const rows = tape.times(new Matrix(1, y.rows, ones(y.rows)), weighed);
  tape.backward(tape.times(rows, new Matrix(y.columns, 1, ones(y.columns))));
}

/** The complementary error function by its series and its continued fraction, to about 1e-15. */
function normalDistribution(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  let tail: number;
  if (x < 2) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 80; n += 1) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    tail = 0.5 - sum / Math.sqrt(Math.PI);
  } else {
    let fraction = 0;
    for (let n = 200; n > 0; n -= 1) fraction = n / 2 / (x + fraction);
    tail = (0.5 * Math.exp(-x * x)) / (x + fraction) / Math.sqrt(Math.PI);
  }
  return z > 0 ? 1 - tail : tail;
}

const density = (z: number): number => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
const ROOT = Math.sqrt(2 / Math.PI);
const inner = (z: number): number => Math.tanh(ROOT * (z + 0.044715 * z ** 3));
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

const FORMULAS: Record<Activation, { value: (z: number) => number; slope: (z: number) => number }> = {
  silu: {
    value: (z) => z * sigmoid(z),
    slope: (z) => sigmoid(z) * (1 + z * (1 - sigmoid(z))),
  },
  gelu: {
    value: (z) => z * normalDistribution(z),
    slope: (z) => normalDistribution(z) + z * density(z),
  },
  'gelu-tanh': {
    value: (z) => 0.5 * z * (1 + inner(z)),
    slope: (z) => 0.5 * (1 + inner(z)) + 0.5 * z * (1 - inner(z) ** 2) * ROOT * (1 + 3 * 0.044715 * z * z),
  },
};

/** From small to large, both signs. */
const spread = (count: number): Data =>
  draws(count).map((value, i) => value * ([0.1, 1, 3, 8][i % 4] ?? NaN));

describe.each(Object.keys(FORMULAS) as Activation[])('%s', (kind) => {
  const { value, slope } = FORMULAS[kind];

  it('reference: its slope is what differences of its value say', () => {
    for (const z of [-6, -2.9, -1, -0.1, 0, 0.3, 2, 2.83, 5]) {
      expect(slope(z)).toBeCloseTo((value(z + 1e-5) - value(z - 1e-5)) / 2e-5, 8);
    }
  });

  it.each([8, 7])('gated, size %i: value and gradient of the reference', async (size) => {
    const [rows, dy] = [5, draws(5 * size)];
    const gateUp = spread(2 * rows * size);
    const results = await run(({ tape, input }) => {
      const x = input('gate up', [rows, 2 * size], gateUp, true);
      const y = gatedActivation(tape, x, kind);
      return withGradient({ tape, input }, x, y, dy);
    });
    const expected = { y: new Float64Array(rows * size), dx: new Float64Array(2 * rows * size) };
    for (let i = 0; i < rows * size; i += 1) {
      const at = Math.floor(i / size) * 2 * size + (i % size);
      const [gate = NaN, up = NaN, d = NaN] = [gateUp[at], gateUp[at + size], dy[i]];
      expected.y[i] = value(gate) * up;
      expected.dx[at] = d * up * slope(gate);
      expected.dx[at + size] = d * value(gate);
    }
    expect(relativeError(results['y'] ?? [], expected.y)).toBeLessThan(TOLERANCE);
    expect(relativeError(results['dx'] ?? [], expected.dx)).toBeLessThan(TOLERANCE);
  });

  it.each([8, 7])(
    'alone, %i columns: value and gradient of the reference; far tails are finite',
    async (size) => {
      const x = spread(5 * size);
      x.set([-60, 60, -1e4]);
      const dy = draws(5 * size);
      const results = await run(({ tape, input }) => {
        const input0 = input('x', [5, size], x, true);
        return withGradient({ tape, input }, input0, activate(tape, input0, kind), dy);
      });
      expect(relativeError((results['y'] ?? []).slice(3), x.map(value).slice(3))).toBeLessThan(TOLERANCE);
      expect(relativeError((results['y'] ?? []).slice(0, 2), [0, 60])).toBeLessThan(TOLERANCE);
      const dx = Float64Array.from(x, (z, i) => (dy[i] ?? NaN) * slope(z)).slice(2);
      expect(relativeError((results['dx'] ?? []).slice(3), dx.slice(1))).toBeLessThan(TOLERANCE);
      expect([...(results['dx'] ?? [])].every(Number.isFinite)).toBe(true);
    },
  );
});

/** Hands dy in, and gives what came out. */
function withGradient({ tape, input }: Bench, x: Value, y: Value, dy: Data): Record<string, Value> {
  tape.hand(y, input('dy', y.shape, dy));
  tape.backward();
  const dx = tape.gradient(x);
  if (dx === null) throw new Error('No gradient arrived.');
  return { y, dx };
}

it('negative control: the approximation of gelu is not taken for the exact one', async () => {
  const x = spread(64);
  const { y = [] } = await run(({ tape, input }) => ({
    y: activate(tape, input('x', [8, 8], x), 'gelu-tanh'),
  }));
  expect(relativeError(y, x.map(FORMULAS.gelu.value))).toBeGreaterThan(TOLERANCE);
});

interface NormCase {
  rows: number;
  size: number;
  biased: boolean;
}

/** Value and gradients by the reference's tape. */
function referenceNorm(x: Data, weight: Data, bias: Data, dy: Data, { rows, size, biased }: NormCase) {
  const tape = new ReferenceTape();
  const [mx, mw, mb] = [new Matrix(rows, size, x), new Matrix(1, size, weight), new Matrix(1, size, bias)];
  const shares = Float64Array.from({ length: size }, () => 1 / size);
  const across = (column: Matrix): Matrix =>
    tape.pick(
      column,
      rows,
      size,
      (row) => row,
      () => 0,
    );
  const mean = tape.times(mx, new Matrix(size, 1, shares));
  const centred = tape.add(
    mx,
    tape.scale(across(mean), () => -1),
  );
  const inverse = tape.map(
    tape.meanSquare(centred),
    (variance) => 1 / Math.sqrt(variance + 1e-5),
    (_, y) => -0.5 * y ** 3,
  );
  const down = (row: Matrix): Matrix => tape.pick(row, rows, size, () => 0);
  const scaled = tape.multiply(tape.multiply(centred, across(inverse)), down(mw));
  const y = biased ? tape.add(scaled, down(mb)) : scaled;
  backward(tape, y, dy);
  return { y: y.data, dx: mx.gradient, dw: mw.gradient, db: mb.gradient };
}

describe('layerNorm', () => {
  it.each([
    { rows: 5, size: 7, biased: true, lanes: 1 },
    { rows: 5, size: 130, biased: true, lanes: 64 },
    { rows: 3, size: 64, biased: false, lanes: 64 },
  ])('%o: value and gradients of the reference, added to what is there', async ({ lanes, ...shape }) => {
    const { rows, size, biased } = shape;
    // Far from zero: the variance must not be a difference of large numbers.
    const x = draws(rows * size).map((value) => value + 30);
    const [weight, bias, dy, before] = [draws(size), draws(size), draws(rows * size), draws(size)];
    const results = await run(
      (bench) => {
        const { tape, input } = bench;
        const source = input('x', [rows, size], x, true);
        const [dw, db] = [input('dw', [size], before), input('db', [size], before)];
        const weights = {
          weight: { value: input('weight', [size], weight), gradient: dw },
          bias: biased ? { value: input('bias', [size], bias), gradient: db } : null,
        };
        return { ...withGradient(bench, source, layerNorm(tape, source, weights, 1e-5), dy), dw, db };
      },
      null,
      { rowLanes: lanes },
    );
    const expected = referenceNorm(x, weight, bias, dy, shape);
    const added = (gradient: Float64Array) => gradient.map((value, i) => value + (before[i] ?? NaN));
    expect(relativeError(results['y'] ?? [], expected.y)).toBeLessThan(TOLERANCE);
    expect(relativeError(results['dx'] ?? [], expected.dx)).toBeLessThan(1e-4);
    expect(relativeError(results['dw'] ?? [], added(expected.dw))).toBeLessThan(TOLERANCE);
    expect(relativeError(results['db'] ?? [], added(expected.db))).toBeLessThan(TOLERANCE);
  });

  it('negative control: without the mean it does not pass', () => {
    const shape = { rows: 4, size: 8, biased: false };
    const [x, weight, dy] = [draws(32), draws(8), draws(32)];
    const { y } = referenceNorm(x, weight, draws(8), dy, shape);
    const rms = Float64Array.from(x, (value, i) => {
      const row = x.slice(i - (i % 8), i - (i % 8) + 8);
      return (value / Math.sqrt(row.reduce((sum, v) => sum + v * v, 0) / 8 + 1e-5)) * (weight[i % 8] ?? NaN);
    });
    expect(relativeError(rms, y)).toBeGreaterThan(100 * TOLERANCE);
  });
});

describe('linear with a bias', () => {
  it.each([false, true])('residual %s: value and gradients of the reference', async (withResidual) => {
    const [rows, k, n] = [6, 8, 12];
    const [x, weight, bias, residual] = [draws(rows * k), draws(n * k), draws(n), draws(rows * n)];
    const [dy, before] = [draws(rows * n), draws(n)];
    const results = await run((bench) => {
      const { tape, input } = bench;
      const source = input('x', [rows, k], x, true);
      const added = withResidual ? input('residual', [rows, n], residual, true) : null;
      const db = input('db', [n], before);
      const dw = input('dw', [n, k], new Float32Array(n * k));
      const weights = {
        weight: { value: input('weight', [n, k], weight), gradient: dw },
        bias: { value: input('bias', [n], bias), gradient: db },
        lora: null,
      };
      return { ...withGradient(bench, source, linear(tape, source, weights, added), dy), dw, db };
    });
    const tape = new ReferenceTape();
    const [mx, mw, mb] = [new Matrix(rows, k, x), new Matrix(n, k, weight), new Matrix(1, n, bias)];
    const product = tape.add(
      tape.timesTransposed(mx, mw),
      tape.pick(mb, rows, n, () => 0),
    );
    const y = withResidual ? tape.add(product, new Matrix(rows, n, residual)) : product;
    backward(tape, y, dy);
    expect(relativeError(results['y'] ?? [], y.data)).toBeLessThan(TOLERANCE);
    expect(relativeError(results['dx'] ?? [], mx.gradient)).toBeLessThan(TOLERANCE);
    expect(relativeError(results['dw'] ?? [], mw.gradient)).toBeLessThan(TOLERANCE);
    const sums = mb.gradient.map((value, i) => value + (before[i] ?? NaN));
    expect(relativeError(results['db'] ?? [], sums)).toBeLessThan(TOLERANCE);
  });

  it('a bias alone learns: its gradient arrives', async () => {
    const [x, weight, bias, dy] = [draws(12), draws(12), draws(4), draws(16)];
    const { db = [] } = await run(({ tape, input }) => {
      const gradient = input('db', [4], new Float32Array(4));
      const weights = {
        weight: { value: input('weight', [4, 3], weight), gradient: null },
        bias: { value: input('bias', [4], bias), gradient },
        lora: null,
      };
      const y = linear(tape, input('x', [4, 3], x), weights);
      expect(y.learns).toBe(true);
      tape.hand(y, input('dy', [4, 4], dy));
      tape.backward();
      return { db: gradient };
    });
    const sums = Float64Array.from({ length: 4 }, (_, c) =>
      [0, 1, 2, 3].reduce((sum, row) => sum + (dy[4 * row + c] ?? NaN), 0),
    );
    expect(relativeError(db, sums)).toBeLessThan(TOLERANCE);
  });
});
