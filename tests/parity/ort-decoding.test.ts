// Chats without a GPU: decoding in onnxruntime against the eager decoder, which is the reference here.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineDevice, relativeError } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import type { OrtEngine } from '../../src/engine/ort/ort-engine';
import { startOrt } from '../../src/engine/ort/start-ort';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { adapterShapes } from '../../src/models/decoder/decoder-names';
import { EagerRuntime } from '../../src/models/decoder/eager/eager-runtime';
import { OrtRuntime, runsOnOrt } from '../../src/models/decoder/ort/ort-runtime';
import type { FileArray } from '../../src/models/file-layout';
import type { DecodeSession } from '../../src/models/loaded-model';
import type { AdapterTensors, ModelRuntime } from '../../src/models/model-family';
import { ACTIVATION_BUDGET_BYTES } from '../../src/models/memory-budget';
import { SELF_TEST_CONFIG, selfTestBatch, selfTestWeights } from '../../src/models/self-test';
import { TINY_DECODERS } from '../../src/models/testing/tiny-decoders';
import { LORA_TARGETS, type LoraConfig } from '../../src/protocol/models';

const CONFIG: DecoderConfig = { ...SELF_TEST_CONFIG, headSize: 16, contextLength: 600 };
/** GPT-2 has learned positions, for which there is no graph with a cache in place. */
const FAMILIES = Object.entries(TINY_DECODERS).filter(([name]) => !['llama', 'gpt2'].includes(name));
const TOLERANCE = 1e-4;
const LORA: LoraConfig = { rank: 3, alpha: 5, dropout: 0, targets: ['q', 'v', 'o', 'gate', 'down'] };
const textOf = (length: number): number[] => Array.from({ length }, (_, i) => (i * 7 + 3) % CONFIG.vocabSize);

const device = new EngineDevice({ wasmPaths: wasmUrls, gpu: null });
let engine: OrtEngine;

beforeAll(async () => {
  await device.select('cpu');
  engine = await startOrt(1);
});

interface Pair {
  ort: ModelRuntime;
  eager: ModelRuntime;
}
const opened: ModelRuntime[] = [];
afterAll(() => opened.forEach((runtime) => runtime.dispose()));

async function open(config: DecoderConfig): Promise<Pair> {
  const weights = selfTestWeights(config, false);
  const read = (name: string): Promise<FileArray> => Promise.resolve(weights.get(name) as FileArray);
  const loadEager = () => EagerRuntime.load(config, read, ACTIVATION_BUDGET_BYTES);
  const pair = { ort: new OrtRuntime({ engine, config, read, loadEager }), eager: await loadEager() };
  opened.push(pair.ort, pair.eager);
  return pair;
}

async function sameLogits(ort: DecodeSession, eager: DecodeSession, tokens: readonly number[]) {
  const expected = Float64Array.from(await eager.feed(tokens));
  expect(relativeError(await ort.feed(tokens), expected)).toBeLessThan(TOLERANCE);
  expect(ort.length).toBe(eager.length);
}

function sessions({ ort, eager }: Pair, adapters: AdapterTensors[] = []): [DecodeSession, DecodeSession] {
  return [ort.createSession(adapters[0] ?? null), eager.createSession(adapters[1] ?? null)];
}

async function adapted({ ort, eager }: Pair, config: DecoderConfig, lora: LoraConfig) {
  const arrays = new Map(
    [...selfTestWeights(config, true, lora)].filter(([name]) => adapterShapes(config, lora).has(name)),
  );
  return [await ort.createAdapter(lora, arrays), await eager.createAdapter(lora, arrays)];
}

describe('OrtRuntime', () => {
  it.each([
    ['a head of its own', CONFIG],
    ['a tied head', { ...CONFIG, tiedHead: true }],
    ['a sliding window', { ...CONFIG, slidingWindow: 5 }],
    ...FAMILIES.map(([name, config]): [string, DecoderConfig] => [
      name,
      { ...config, headSize: 16, contextLength: 600 },
    ]),
    ['scaled rotation', { ...CONFIG, ropeScaling: { type: 'linear', factor: 4 } as const }],
  ])(
    'OrtRuntime: %s, a prompt, pieces of it and single tokens: the logits of the eager decoder',
    async (_, config) => {
      const [ours, theirs] = sessions(await open(config));
      await sameLogits(ours, theirs, textOf(37));
      for (const tokens of [[4], [9], textOf(11), [0], textOf(2), [28]])
        await sameLogits(ours, theirs, tokens);
      ours.dispose();
      theirs.dispose();
    },
  );

  it('OrtRuntime: text that outgrows its cache, in one go and piece by piece', async () => {
    const [ours, theirs] = sessions(await open(CONFIG));
    await sameLogits(ours, theirs, textOf(250));
    for (const tokens of [textOf(10), [1], textOf(280), [2]]) await sameLogits(ours, theirs, tokens);
    ours.dispose();
    theirs.dispose();
  });

  it('OrtRuntime: what was cut off leaves nothing behind', async () => {
    const [ours, theirs] = sessions(await open(CONFIG));
    await sameLogits(ours, theirs, textOf(40));
    for (const length of [12, 0]) {
      ours.truncate(length);
      theirs.truncate(length);
      await sameLogits(ours, theirs, [5, 6, 7]);
      await sameLogits(ours, theirs, [8]);
    }
    ours.dispose();
    theirs.dispose();
  });

  it('OrtRuntime: past the context length it refuses and stays as it was', async () => {
    const [ours] = sessions(await open(CONFIG));
    await ours.feed(textOf(590));
    await expect(ours.feed(textOf(11))).rejects.toMatchObject({ code: 'inference.too-long' });
    await ours.feed(textOf(10));
    expect(ours.length).toBe(600);
    ours.dispose();
  });

  it.each([
    ['LoRA', LORA],
    ['rsLoRA, all projections', { ...LORA, targets: [...LORA_TARGETS], useRslora: true }],
    ['DoRA', { ...LORA, useDora: true }],
  ])('OrtRuntime: %s and the base side by side, token by token', async (_, lora) => {
    const pair = await open(CONFIG);
    const base = sessions(pair);
    const adapters = await adapted(pair, CONFIG, lora);
    const tuned = sessions(pair, adapters);
    for (const tokens of [textOf(20), [3], [11], textOf(5)]) {
      await sameLogits(...tuned, tokens);
      await sameLogits(...base, tokens);
    }
    for (const session of [...base, ...tuned]) session.dispose();
    for (const adapter of adapters) adapter.dispose();
  });

  it('OrtRuntime: training goes on from an adapter, and its session decodes with what it learns', async () => {
    const pair = await open(CONFIG);
    const adapters = await adapted(pair, CONFIG, LORA);
    const training = await pair.ort.createLoraTraining(LORA, 1, adapters[0] ?? null);
    const [ours, tuned] = [
      pair.ort.createTrainingSession(training),
      pair.ort.createSession(adapters[0] ?? null),
    ];
    const before = await tuned.feed(textOf(6));
    expect(relativeError(await ours.feed(textOf(6)), Float64Array.from(before))).toBeLessThan(TOLERANCE);
    const batch = selfTestBatch();
    await training.accumulate(batch, 1);
    const { targetTokens } = batch;
    await training.step({ targetTokens, learningRate: 0.05, weightDecay: 0, maxGradNorm: 0 });
    ours.truncate(0);
    expect(relativeError(await ours.feed(textOf(6)), Float64Array.from(before))).toBeGreaterThan(TOLERANCE);
    for (const owned of [ours, tuned, training, ...adapters]) owned.dispose();
  });

  it('OrtRuntime: an adapter of another shape is refused', async () => {
    const { ort } = await open(CONFIG);
    await expect(ort.createAdapter(LORA, new Map())).rejects.toMatchObject({ code: 'adapter.base-mismatch' });
  });

  it('OrtEngine: what is freed is there again', async () => {
    const { ort } = await open(CONFIG);
    const pointers: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const session = ort.createSession(null);
      await session.feed(textOf(3));
      session.dispose();
      const large = engine.allocate('float', [1024, 1024]);
      pointers.push(large.pointer);
      engine.free(large);
    }
    expect(new Set(pointers.slice(1)).size).toBe(1);
  });

  it.each([
    [{ headSize: 24 }, false],
    [{ traits: { positions: 'learned' as const } }, false],
    [{ slidingWindow: 4 }, true],
  ])('runsOnOrt: %j: %s', (change, expected) => {
    expect(runsOnOrt({ ...CONFIG, ...change })).toBe(expected);
  });
});
