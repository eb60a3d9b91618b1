import { beforeAll, describe, expect, it } from 'vitest';
import { EngineDevice, tensorMemory } from '../../../engine';
import type { TokenBatch } from '../../../protocol/batches';
import { createPretraining } from './full-training';
import type { DecoderConfig } from '../decoder-config';

const config: DecoderConfig = {
  vocabSize: 32,
  hiddenSize: 16,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headSize: 4,
  intermediateSize: 24,
  contextLength: 32,
  ropeTheta: 10_000,
  ropeScaling: null,
  normEpsilon: 1e-5,
  tiedHead: true,
  stopTokenIds: [],
};

/** Each token is followed by the one three further on: learnable from the token alone. */
function countingBatch(): TokenBatch {
  const [rows, length] = [2, 8];
  const tokens = Int32Array.from({ length: rows * length }, (_, i) => (i * 3) % 32);
  return {
    rows,
    length,
    tokens,
    labels: tokens.map((token) => (token + 3) % 32),
    positions: tokens.map((_, i) => i % length),
    segments: new Int32Array(tokens.length),
    targetTokens: tokens.length,
  };
}

beforeAll(async () => {
  await new EngineDevice({ wasmPaths: null, gpu: null }).select('wasm');
});

describe('EagerTraining', () => {
  it('EagerTraining: the loss starts at ln(vocabulary), falls, and no tensor is left behind', async () => {
    const before = tensorMemory().tensors;
    const training = createPretraining(config, 1);
    const batch = countingBatch();
    const losses: number[] = [];
    let tensors = 0;
    for (let step = 0; step < 12; step += 1) {
      const { lossSum, targetTokens } = await training.accumulate(batch, step);
      losses.push(lossSum / targetTokens);
      await training.step({ targetTokens, learningRate: 0.02, weightDecay: 0.01, maxGradNorm: 1 });
      if (step === 0) ({ tensors } = tensorMemory());
    }
    expect(losses[0]).toBeCloseTo(Math.log(32), 1);
    expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] ?? 0));
    expect(tensorMemory().tensors).toBe(tensors);
    training.dispose();
    expect(tensorMemory().tensors).toBe(before);
  });

  it('EagerTraining: a state goes round: the copy takes the same next step', async () => {
    const [first, second] = [createPretraining(config, 1), createPretraining(config, 2)];
    const batch = countingBatch();
    const step = { targetTokens: 16, learningRate: 0.02, weightDecay: 0.01, maxGradNorm: 1 };
    await first.enableEma(0.9);
    await first.accumulate(batch, 0);
    await first.step(step);
    await second.importState(await first.exportState());
    await second.enableEma(0.9);
    for (const training of [first, second]) {
      await training.accumulate(batch, 1);
      await training.step(step);
    }
    expect(await second.exportState()).toEqual(await first.exportState());
    first.dispose();
    second.dispose();
  });

  it('EagerTraining: a gradient that is not finite changes nothing', async () => {
    const training = createPretraining(config, 1);
    const before = await training.exportState();
    await training.accumulate(countingBatch(), 0);
    const { applied } = await training.step({
      targetTokens: 0,
      learningRate: 0.02,
      weightDecay: 0,
      maxGradNorm: 1,
    });
    expect(applied).toBe(false);
    expect(await training.exportState()).toEqual(before);
    training.dispose();
  });
});
