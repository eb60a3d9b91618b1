import { describe, expect, it } from 'vitest';
import { PlanDevice } from '../../src/engine/planned/plan-device';
import { dequantise, quantise, type Storage } from '../../src/engine/planned/quantise';
import { relativeError } from '../../src/engine/reference/compare';
import type { FileArray } from '../../src/models/file-layout';
import { adapterShapes, EMBEDDING, HEAD } from '../../src/models/decoder/decoder-names';
import { plannedActivationBytes } from '../../src/models/decoder/planned/plan-bytes';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { plannedGradients } from '../../src/models/planned-self-test';
import {
  compareGradients,
  referenceOf,
  SELF_TEST_CONFIG,
  SELF_TEST_LORA,
  selfTestBatch,
  selfTestWeights,
} from '../../src/models/self-test';
import type { TrainableModel } from '../../src/models/trainable-model';
import type { LoraConfig } from '../../src/protocol/models';
import { planDevice } from './planned-fixture';

type Weights = ReadonlyMap<string, FileArray>;

const DORA: LoraConfig = { ...SELF_TEST_LORA, dropout: 0, useRslora: true, useDora: true };
/** Rows of whole groups, for bases in few bits. */
const CONFIG = {
  ...SELF_TEST_CONFIG,
  ...{ vocabSize: 36, hiddenSize: 64, headSize: 8, intermediateSize: 96 },
};
const STEP = { learningRate: 0.05, weightDecay: 0.1, maxGradNorm: 1 };

async function load(weights: Weights, storage: Storage = 'f32', config = CONFIG, owner?: PlanDevice) {
  const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
  return PlannedRuntime.load(owner ?? (await planDevice()), config, read, 0, storage);
}

const withoutAdapter = (weights: Weights): Weights =>
  new Map([...weights].filter(([name]) => !name.includes('lora')));

const lossOf = (weights: Weights, lora = DORA): number =>
  referenceOf(CONFIG, weights, selfTestBatch(), lora).loss;

async function steps(training: TrainableModel, count: number): Promise<number[]> {
  const losses: number[] = [];
  for (let step = 0; step < count; step += 1) {
    const { lossSum, targetTokens } = await training.accumulate(selfTestBatch(), step);
    await training.step({ ...STEP, targetTokens });
    losses.push(lossSum);
  }
  return losses;
}

describe('DoRA on plans', () => {
  it.each(['f16', 'int8', 'int4'] as const)(
    'base in %s: norms are those of the dequantised rows',
    { timeout: 120_000 },
    async (storage) => {
      const weights = selfTestWeights(CONFIG, true, DORA);
      const bitsOf = (name: string) =>
        storage === 'f16' ? 16 : storage === 'int8' || name === HEAD || name === EMBEDDING ? 8 : 4;
      const seen = new Map(
        [...weights].map(([name, array]) =>
          /_proj\.weight|lm_head|embed_tokens/.test(name)
            ? [name, { ...array, data: dequantise(quantise(array.data, bitsOf(name))) }]
            : [name, array],
        ),
      );
      const runtime = await load(weights, storage);
      const adapter = await runtime.createAdapter(DORA, weights);
      const training = await runtime.createLoraTraining(DORA, 1, adapter);
      const names = [...adapterShapes(CONFIG, DORA).keys()];
      const reference = referenceOf(CONFIG, seen, selfTestBatch(), DORA);
      const gradients = new Map([...reference.gradients].filter(([name]) => names.includes(name)));
      const checks = compareGradients(await plannedGradients(training), { ...reference, gradients });
      expect(checks).toHaveLength(names.length + 1);
      expect(checks.filter(({ passed }) => !passed)).toEqual([]);
      for (const part of [training, adapter, runtime]) part.dispose();
    },
  );

  it('a new adapter changes nothing; after steps the norms are those of what was learnt', async () => {
    const weights = withoutAdapter(selfTestWeights(CONFIG, true, DORA));
    const runtime = await load(weights);
    const training = await runtime.createLoraTraining(DORA, 1, null);
    const [first = NaN] = await steps(training, 4);
    expect(Math.abs(first / lossOf(weights) - 1)).toBeLessThan(1e-5);
    const learnt = new Map([...weights, ...(await training.exportWeights())]);
    const expected = lossOf(learnt);
    const { lossSum } = await training.evaluate(selfTestBatch());
    expect(Math.abs(lossSum / expected - 1)).toBeLessThan(1e-5);
    expect(expected).toBeLessThan(0.99 * first);
    // Negative control: another B changes the norms and with them the loss by more than the bound.
    const other = new Map(
      [...learnt].map(([name, array]) => {
        if (!name.endsWith('lora_B.weight')) return [name, array];
        return [name, { ...array, data: array.data.map((value) => 1.02 * value) }];
      }),
    );
    expect(Math.abs(lossOf(other) / expected - 1)).toBeGreaterThan(1e-4);
    for (const part of [training, runtime]) part.dispose();
  });

  it('a checkpoint continues exactly, averages included', async () => {
    const weights = withoutAdapter(selfTestWeights(CONFIG, true, DORA));
    const runtime = await load(weights);
    const create = async () => {
      const training = await runtime.createLoraTraining(DORA, 1, null);
      await training.enableEma(0.7);
      return training;
    };
    const [whole, before, after] = [await create(), await create(), await create()];
    const expected = await steps(whole, 5);
    await steps(before, 3);
    await after.importState(await before.exportState());
    expect(await steps(after, 2)).toEqual(expected.slice(3));
    const [a, b] = [await whole.evaluate(selfTestBatch()), await after.evaluate(selfTestBatch())];
    expect(b.lossSum).toBe(a.lossSum);
    const averaged = new Map([...weights, ...(await whole.exportWeights())]);
    expect(Math.abs(a.lossSum / lossOf(averaged) - 1)).toBeLessThan(1e-5);
    for (const part of [whole, before, after, runtime]) part.dispose();
  });

  it('decoding with what is being trained: as with the exported adapter, and as the reference', async () => {
    const weights = withoutAdapter(selfTestWeights(CONFIG, true, DORA));
    const runtime = await load(weights);
    const training = await runtime.createLoraTraining(DORA, 1, null);
    const live = runtime.createTrainingSession(training);
    await live.feed([1, 2, 3]);
    await steps(training, 3);
    live.truncate(0);
    const learnt = await training.exportWeights();
    const adapter = await runtime.createAdapter(DORA, learnt);
    const session = runtime.createSession(adapter);
    const tokens = Array.from({ length: 20 }, (_, i) => (i * 7 + 3) % CONFIG.vocabSize);
    const logits = await live.feed(tokens);
    expect(logits).toEqual(await session.feed(tokens));
    const reference = referenceOf(
      CONFIG,
      new Map([...weights, ...learnt]),
      {
        ...{ rows: 1, length: 20, targetTokens: 0 },
        tokens: Int32Array.from(tokens),
        labels: new Int32Array(20).fill(-100),
        positions: Int32Array.from(tokens.keys()),
        segments: new Int32Array(20),
      },
      DORA,
    ).logits.slice(19 * CONFIG.vocabSize);
    expect(relativeError(logits, reference)).toBeLessThan(1e-4);
    for (const part of [live, session, adapter, training, runtime]) part.dispose();
  });

  it('a run goes on only from an adapter of its variant', async () => {
    const weights = selfTestWeights(CONFIG, true, DORA);
    const runtime = await load(weights);
    const adapter = await runtime.createAdapter(DORA, weights);
    for (const other of [{ useDora: false }, { useRslora: false }]) {
      await expect(runtime.createLoraTraining({ ...DORA, ...other }, 1, adapter)).rejects.toThrow(
        /asks for something else/,
      );
    }
    for (const part of [adapter, runtime]) part.dispose();
  });

  it('what a step takes is what was said before, and nothing stays', async () => {
    const shared = await planDevice();
    // Its own arena, which nothing else has grown.
    const owner = new PlanDevice(shared.device, { vendor: '', software: true });
    const runtime = await load(selfTestWeights(CONFIG, false), 'f32', CONFIG, owner);
    const batch = selfTestBatch();
    const training = await runtime.createLoraTraining(DORA, 1, null);
    await steps(training, 2);
    const step = {
      ...{ method: 'lora' as const, lora: DORA, baseStorage: 'f32' as const },
      ...{ batchSize: batch.rows, sequenceLength: batch.length },
    };
    const said = plannedActivationBytes(CONFIG, step, owner, 0);
    expect(owner.arena.bytes).toBe(said.activationsBytes + said.logitsBytes);
    training.dispose();
    const left = owner.memory.bytes - owner.arena.bytes;
    const second = await runtime.createLoraTraining(DORA, 1, null);
    await steps(second, 2);
    second.dispose();
    expect(owner.memory.bytes - owner.arena.bytes).toBe(left);
    runtime.dispose();
    owner.dispose();
  });
});
