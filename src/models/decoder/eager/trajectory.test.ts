import { beforeAll, describe, expect, it } from 'vitest';
import { EngineDevice, relativeError } from '../../../engine';
import type { TokenBatch } from '../../../protocol/batches';
import { referenceOf, SELF_TEST_CONFIG, selfTestBatch } from '../../self-test';
import { createPretraining } from './full-training';
import { randomWeights } from '../random-weights';

const STEP = { learningRate: 0.01, weightDecay: 0.1, maxGradNorm: 1 };

interface Moments {
  weight: Float64Array;
  first: Float64Array;
  second: Float64Array;
}

/** AdamW in 64-bit floats, straight from Loshchilov and Hutter 2019, algorithm 2, with global-norm clipping. */
class ReferenceAdamW {
  readonly #state = new Map<string, Moments & { shape: number[] }>();
  #steps = 0;

  constructor(weights: ReturnType<typeof randomWeights>) {
    for (const [name, { shape, data }] of weights) {
      const weight = Float64Array.from(data);
      this.#state.set(name, {
        shape,
        weight,
        first: new Float64Array(weight.length),
        second: new Float64Array(weight.length),
      });
    }
  }

  step(batch: TokenBatch): number {
    this.#steps += 1;
    const weights = new Map(
      [...this.#state].map(([name, { shape, weight }]) => [name, { shape, data: weight }]),
    );
    const config = SELF_TEST_CONFIG;
    const { loss, gradients } = referenceOf(config, weights, batch);
    const all = [...gradients.values()].flatMap((gradient) =>
      [...gradient].map((g) => g / batch.targetTokens),
    );
    const norm = Math.hypot(...all);
    const scale = Math.min(1, STEP.maxGradNorm / (norm + 1e-6)) / batch.targetTokens;
    for (const [name, state] of this.#state) {
      const decay = state.shape.length > 1 ? 1 - STEP.learningRate * STEP.weightDecay : 1;
      this.#update(state, gradients.get(name) ?? new Float64Array(0), scale, decay);
    }
    return loss;
  }

  #update({ weight, first, second }: Moments, gradient: Float64Array, scale: number, decay: number): void {
    weight.forEach((value, i) => {
      const g = (gradient[i] ?? NaN) * scale;
      const m = 0.9 * (first[i] ?? 0) + 0.1 * g;
      const v = 0.999 * (second[i] ?? 0) + 0.001 * g * g;
      [first[i], second[i]] = [m, v];
      const [mHat, vHat] = [m / (1 - 0.9 ** this.#steps), v / (1 - 0.999 ** this.#steps)];
      weight[i] = value * decay - (STEP.learningRate * mHat) / (Math.sqrt(vHat) + 1e-8);
    });
  }
}

beforeAll(async () => {
  await new EngineDevice({ wasmPaths: null, gpu: null }).select('wasm');
});

describe('trajectory', () => {
  // The reference takes seconds for 30 steps, many on a busy machine.
  it(
    'trajectory: 30 steps of training stay within 1e-3 of the 64-bit reference',
    { timeout: 60_000 },
    async () => {
      const reference = new ReferenceAdamW(randomWeights(SELF_TEST_CONFIG, 5));
      const training = createPretraining(SELF_TEST_CONFIG, 5);
      const batch = selfTestBatch();
      const [actual, expected]: [number[], number[]] = [[], []];
      for (let step = 0; step < 30; step += 1) {
        actual.push((await training.accumulate(batch, step)).lossSum);
        await training.step({ ...STEP, targetTokens: batch.targetTokens });
        expected.push(reference.step(batch));
      }
      training.dispose();
      expect(expected.at(-1)).toBeLessThan(0.9 * (expected[0] ?? 0));
      expect(relativeError(actual, expected)).toBeLessThan(1e-3);
    },
  );

  it('packing: two samples in a row cost what they cost in rows of their own', async () => {
    const training = createPretraining(SELF_TEST_CONFIG, 5);
    const tokens = Int32Array.of(3, 5, 7, 11, 13, 17);
    const labels = Int32Array.of(5, 7, 2, 13, 17, 4);
    const shared = { tokens, labels, positions: Int32Array.of(0, 1, 2, 0, 1, 2), targetTokens: 6 };
    const packed = await training.evaluate({
      ...shared,
      rows: 1,
      length: 6,
      segments: Int32Array.of(0, 0, 0, 1, 1, 1),
    });
    const apart = await training.evaluate({ ...shared, rows: 2, length: 3, segments: new Int32Array(6) });
    const mixed = await training.evaluate({ ...shared, rows: 1, length: 6, segments: new Int32Array(6) });
    training.dispose();
    expect(packed.lossSum).toBeCloseTo(apart.lossSum, 4);
    // Negative control: without segments the second sample sees the first.
    expect(Math.abs(mixed.lossSum - apart.lossSum)).toBeGreaterThan(1e-6);
  });
});
