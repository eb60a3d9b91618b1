import { describe, expect, it, vi } from 'vitest';
import { PlanDevice } from '../../src/engine/planned/plan-device';
import { dequantise, quantise, type QuantisedBits } from '../../src/engine/planned/quantise';
import { relativeError } from '../../src/engine/reference/compare';
import type { FileArray, RowRange } from '../../src/models/file-layout';
import { EMBEDDING, HEAD } from '../../src/models/decoder/decoder-names';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { PlannedTraining } from '../../src/models/decoder/planned/planned-training';
import {
  compareGradients,
  referenceOf,
  SELF_TEST_CONFIG,
  SELF_TEST_LORA,
  selfTestWeights,
} from '../../src/models/self-test';
import type { TrainableModel } from '../../src/models/trainable-model';
import type { TokenBatch } from '../../src/protocol/batches';
import type { LoraConfig, WeightStorage } from '../../src/protocol/models';
import { planDevice } from './planned-fixture';

/** The embedding takes 500 KiB in f32, gate and up together 96 KiB: 14 and 3 times the limit. */
const CONFIG = {
  ...SELF_TEST_CONFIG,
  ...{ vocabSize: 1000, hiddenSize: 128, headSize: 8, intermediateSize: 96, layers: 1, tiedHead: true },
};
const LIMIT = 36 * 1024;
const LORA: LoraConfig = { ...SELF_TEST_LORA, dropout: 0 };

/** Tokens of the first, of a middle and of the last part of the table, one of them twice. */
const TOKENS = [0, 999, 500, 137, 500, 68, 69, 998];
const BATCH: TokenBatch = {
  ...{ rows: 1, length: 8, targetTokens: 7 },
  tokens: Int32Array.from(TOKENS),
  labels: Int32Array.from([999, 500, 137, -100, 68, 69, 998, 3]),
  positions: Int32Array.from(TOKENS.keys()),
  segments: new Int32Array(8),
};

type Weights = ReadonlyMap<string, FileArray>;

async function smallDevice(): Promise<PlanDevice> {
  const { device } = await planDevice();
  return new PlanDevice(device, { vendor: '', software: true }, { limitBytes: LIMIT });
}

/** As a file gives them: no more rows than were asked for. */
function readRows(weights: Weights, name: string, rows?: RowRange): Promise<FileArray> {
  const { shape, data } = weights.get(name) as FileArray;
  if (rows === undefined) return Promise.resolve({ shape, data });
  const width = data.length / (shape[0] ?? 1);
  const part = data.slice(rows.first * width, (rows.first + rows.count) * width);
  return Promise.resolve({ shape: [rows.count, ...shape.slice(1)], data: part });
}

const load = (owner: PlanDevice, weights: Weights, storage: WeightStorage, config = CONFIG) =>
  PlannedRuntime.load(owner, config, (name, rows) => readRows(weights, name, rows), 0, storage);

async function gradientsOf(training: TrainableModel) {
  if (!(training instanceof PlannedTraining)) throw new TypeError('The training does not run on plans.');
  const { lossSum: loss } = await training.accumulate(BATCH, 0);
  const gradients = new Map<string, Float32Array>();
  for (const name of training.trained.layout.members.keys()) {
    gradients.set(name, await training.trained.gradients.read(name));
  }
  return { loss, gradients };
}

const BITS: Record<Exclude<WeightStorage, 'f32'>, [table: QuantisedBits, rest: QuantisedBits]> = {
  f16: [16, 16],
  int8: [8, 8],
  int4: [8, 4],
};

/** What the model computes with. */
function seen(weights: Weights, storage: WeightStorage): Weights {
  if (storage === 'f32') return weights;
  const [table, rest] = BITS[storage];
  return new Map(
    [...weights].map(([name, array]) => {
      if (!/_proj\.weight|lm_head|embed_tokens/.test(name)) return [name, array];
      const bits = name === EMBEDDING || name === HEAD ? table : rest;
      return [name, { ...array, data: dequantise(quantise(array.data, bits)) }];
    }),
  );
}

describe('weights larger than a binding', () => {
  it.each([true, false])('full training, tied head %s: every gradient of the reference', async (tiedHead) => {
    const config = { ...CONFIG, tiedHead };
    const owner = await smallDevice();
    const weights = selfTestWeights(config, false);
    const runtime = await load(owner, weights, 'f32', config);
    const training = await runtime.createFullTraining();
    const checks = compareGradients(await gradientsOf(training), referenceOf(config, weights, BATCH));
    expect(checks.filter(({ passed }) => !passed)).toEqual([]);
    const before = await training.exportWeights();
    expect(relativeError(before.get(EMBEDDING)?.data ?? [], weights.get(EMBEDDING)?.data ?? [])).toBe(0);
    const step = { targetTokens: 7, learningRate: 0.01, weightDecay: 0, maxGradNorm: 1 };
    expect((await training.step(step)).applied).toBe(true);
    const after = (await training.exportWeights()).get(EMBEDDING)?.data ?? new Float32Array();
    // A tied head moves every row; an embedding only those of the batch, wherever they lie.
    const width = config.hiddenSize;
    const moved = (row: number): boolean => after[row * width] !== before.get(EMBEDDING)?.data[row * width];
    expect([0, 999, 500, 137].every(moved)).toBe(true);
    expect(moved(700)).toBe(tiedHead);
    for (const part of [training, runtime]) part.dispose();
    owner.dispose();
  });

  it.each(['f32', 'f16', 'int8', 'int4'] as const)(
    'LoRA on %s: gradients of the reference',
    async (storage) => {
      const owner = await smallDevice();
      const weights = selfTestWeights(CONFIG, true);
      const runtime = await load(owner, weights, storage);
      const adapter = await runtime.createAdapter(LORA, weights);
      const training = await runtime.createLoraTraining(LORA, 1, adapter);
      const actual = await gradientsOf(training);
      const reference = referenceOf(CONFIG, seen(weights, storage), BATCH);
      const gradients = new Map([...reference.gradients].filter(([name]) => actual.gradients.has(name)));
      const checks = compareGradients(actual, { ...reference, gradients });
      expect(checks.filter(({ passed }) => !passed)).toEqual([]);
      for (const part of [training, adapter, runtime]) part.dispose();
      owner.dispose();
    },
  );

  it.each(['f32', 'int4'] as const)('a session on %s: logits of the reference', async (storage) => {
    const owner = await smallDevice();
    const weights = selfTestWeights(CONFIG, false);
    const runtime = await load(owner, weights, storage);
    const session = runtime.createSession(null);
    await session.feed(TOKENS.slice(0, 6));
    await session.feed(TOKENS.slice(6, 7));
    const logits = await session.feed(TOKENS.slice(7));
    const { logits: all } = referenceOf(CONFIG, seen(weights, storage), BATCH);
    expect(relativeError(logits, all.slice(7 * CONFIG.vocabSize))).toBeLessThan(1e-4);
    session.dispose();
    runtime.dispose();
    owner.dispose();
  });

  it('no buffer is larger than the limit, and all of them together hold the table', async () => {
    const owner = await smallDevice();
    const allocate = vi.spyOn(owner.memory, 'begin');
    const runtime = await load(owner, selfTestWeights(CONFIG, false), 'f32');
    const sizes = allocate.mock.calls.map(([bytes]) => bytes);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(LIMIT);
    expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(4 * 1000 * 128);
    runtime.dispose();
    owner.dispose();
  });
});
