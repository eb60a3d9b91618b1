import { afterEach, describe, expect, it } from 'vitest';
import { PlanDevice } from '../../src/engine/planned/plan-device';
import type { FileArray } from '../../src/models/file-layout';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { SELF_TEST_CONFIG, SELF_TEST_LORA, selfTestWeights } from '../../src/models/self-test';
import type { TrainableModel } from '../../src/models/trainable-model';
import type { TokenBatch } from '../../src/protocol/batches';
import { planDevice } from './planned-fixture';

const LORA = { ...SELF_TEST_LORA, dropout: 0 };

function batch(rows: number, length: number): TokenBatch {
  const tokens = Int32Array.from(
    { length: rows * length },
    (_, i) => (i * 7 + 3) % SELF_TEST_CONFIG.vocabSize,
  );
  return {
    ...{ rows, length, tokens, targetTokens: rows * length },
    labels: tokens.map((token) => (token + 1) % SELF_TEST_CONFIG.vocabSize),
    positions: tokens.map((_, i) => i % length),
    segments: new Int32Array(rows * length),
  };
}

let owner: PlanDevice;

afterEach(() => owner.dispose());

async function open(): Promise<{ runtime: PlannedRuntime; training: TrainableModel }> {
  const { device } = await planDevice();
  owner = new PlanDevice(device, { vendor: '', software: true });
  const weights = selfTestWeights(SELF_TEST_CONFIG, false);
  const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
  const runtime = await PlannedRuntime.load(owner, SELF_TEST_CONFIG, read, 2 ** 30);
  return { runtime, training: await runtime.createLoraTraining(LORA, 1, null) };
}

async function step(training: TrainableModel, of: TokenBatch): Promise<number> {
  const { lossSum, targetTokens } = await training.accumulate(of, 0);
  await training.step({ targetTokens, learningRate: 0.01, weightDecay: 0.1, maxGradNorm: 1 });
  return lossSum;
}

describe('out of memory', () => {
  it('in a run: names what and by how much; smaller steps go on as if nothing had been', async () => {
    const small = batch(1, 8);
    const calm = await open();
    const expected = [await step(calm.training, small), await step(calm.training, small)];
    for (const part of [calm.training, calm.runtime]) part.dispose();
    owner.dispose();

    const { training, runtime } = await open();
    const losses = [await step(training, small)];
    // Room for the arrays of a batch, not for those of a step.
    owner.memory.budgetBytes = owner.memory.bytes + 100_000;
    const failure = step(training, batch(8, 64));
    await expect(failure).rejects.toMatchObject({
      code: 'engine.out-of-memory',
      message: expect.stringMatching(
        /^The GPU has no room for .+: \d+ bytes, \d+ too many, beside \d+ in use\.$/,
      ) as string,
      details: { overBytes: expect.any(Number) as number },
    });
    losses.push(await step(training, small));
    expect(losses).toEqual(expected);
    for (const part of [training, runtime]) part.dispose();
  });

  it('while a model is loaded: nothing of it stays', async () => {
    const { training, runtime } = await open();
    for (const part of [training, runtime]) part.dispose();
    const weights = selfTestWeights(SELF_TEST_CONFIG, false);
    const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
    // The first base in few bits on a device proves its products, which takes memory of its own.
    (await PlannedRuntime.load(owner, SELF_TEST_CONFIG, read, 0, 'int4')).dispose();
    const before = owner.memory.bytes;
    owner.memory.budgetBytes = before + 4096;
    for (const storage of ['f32', 'int4'] as const) {
      const loading = PlannedRuntime.load(owner, SELF_TEST_CONFIG, read, 0, storage);
      await expect(loading).rejects.toMatchObject({
        details: { label: 'the weights of the model', overBytes: expect.any(Number) as number },
      });
      expect(owner.memory.bytes).toBe(before);
    }
  });
});
