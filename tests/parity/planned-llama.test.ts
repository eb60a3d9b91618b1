import { describe, expect, it } from 'vitest';
import type { FileArray } from '../../src/models/file-layout';
import type { LlamaConfig } from '../../src/models/llama/llama-config';
import { adapterShapes } from '../../src/models/llama/llama-names';
import { PlannedTraining } from '../../src/models/llama/planned/planned-training';
import { PlannedRuntime } from '../../src/models/llama/planned/planned-runtime';
import {
  compareGradients,
  referenceOf,
  SELF_TEST_CONFIG,
  selfTestBatch,
  selfTestWeights,
} from '../../src/models/self-test';
import type { TrainableModel } from '../../src/models/trainable-model';
import type { LoraConfig } from '../../src/protocol/models';
import { planDevice } from './planned-fixture';

const LORA: LoraConfig = { rank: 2, alpha: 3, dropout: 0, targets: ['q', 'v', 'o', 'gate', 'down'] };
/** Keeps everything, or nothing. */
const BUDGETS = { kept: 2 ** 30, recomputed: 0 };

async function load(config: LlamaConfig, weights: ReadonlyMap<string, FileArray>, budget: number) {
  const owner = await planDevice();
  const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
  return PlannedRuntime.load(owner, config, read, budget);
}

function planned(training: TrainableModel): PlannedTraining {
  if (!(training instanceof PlannedTraining)) throw new Error('not a planned training');
  return training;
}

/** What a micro-batch left: the loss and the gradients of everything that is trained. */
async function computed(training: PlannedTraining) {
  const { lossSum: loss } = await training.accumulate(selfTestBatch(), 0);
  const gradients = new Map<string, Float32Array>();
  for (const name of training.trained.layout.members.keys()) {
    const gradient = await training.trained.store('gradient')?.read(name);
    gradients.set(name, gradient ?? new Float32Array());
  }
  return { loss, gradients };
}

describe.each(Object.entries(BUDGETS))('planned Llama, blocks %s', (_, budget) => {
  it.each([false, true])('full, tied head %s: loss and every gradient of the reference', async (tiedHead) => {
    const config = { ...SELF_TEST_CONFIG, tiedHead };
    const weights = selfTestWeights(config, false);
    const runtime = await load(config, weights, budget);
    const training = planned(await runtime.createFullTraining());
    const actual = await computed(training);
    const checks = compareGradients(actual, referenceOf(config, weights, selfTestBatch()));
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    const { lossSum } = await training.evaluate(selfTestBatch());
    expect(Math.abs(lossSum / actual.loss - 1)).toBeLessThan(1e-5);
    training.dispose();
    runtime.dispose();
  });

  it('LoRA: loss and the gradients of the adapter', async () => {
    const weights = selfTestWeights(SELF_TEST_CONFIG, true);
    const runtime = await load(SELF_TEST_CONFIG, weights, budget);
    const adapter = await runtime.createAdapter(LORA, weights);
    const training = planned(await runtime.createLoraTraining(LORA, 1, adapter));
    const names = [...adapterShapes(SELF_TEST_CONFIG, LORA.rank, LORA.targets).keys()];
    const reference = referenceOf(SELF_TEST_CONFIG, weights, selfTestBatch());
    const expected = new Map([...reference.gradients].filter(([name]) => names.includes(name)));
    const checks = compareGradients(await computed(training), { ...reference, gradients: expected });
    expect(checks).toHaveLength(names.length + 1);
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    for (const part of [training, adapter, runtime]) part.dispose();
  });
});

describe('planned training', () => {
  it('nothing stays on the device', async () => {
    const owner = await planDevice();
    const weights = selfTestWeights(SELF_TEST_CONFIG, false);
    // Staging buffers and the arena stay for the next one.
    const run = async () => {
      const runtime = await load(SELF_TEST_CONFIG, weights, BUDGETS.kept);
      const training = await runtime.createFullTraining();
      await training.enableEma(0.9);
      const { targetTokens } = await training.accumulate(selfTestBatch(), 0);
      await training.step({ targetTokens, learningRate: 0.01, weightDecay: 0.1, maxGradNorm: 1 });
      training.dispose();
      runtime.dispose();
    };
    await run();
    const { bytes } = owner.memory;
    await run();
    expect(owner.memory.bytes).toBe(bytes);
  });

  it('negative control: another rotation base is caught', async () => {
    const weights = selfTestWeights(SELF_TEST_CONFIG, false);
    const runtime = await load({ ...SELF_TEST_CONFIG, ropeTheta: 8_000 }, weights, BUDGETS.kept);
    const training = planned(await runtime.createFullTraining());
    const reference = referenceOf(SELF_TEST_CONFIG, weights, selfTestBatch());
    const failed = compareGradients(await computed(training), reference).filter(({ passed }) => !passed);
    expect(failed.map(({ name }) => name)).toContain('loss');
    training.dispose();
    runtime.dispose();
  });
});
