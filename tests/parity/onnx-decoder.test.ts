// Models that our exporter wrote, run by onnxruntime, against our own eager decoder: the same logits.
import { beforeAll, describe, expect, it } from 'vitest';
import { EngineDevice, relativeError } from '../../src/engine';
import { wasmUrls } from '../../src/engine/device/wasm-urls';
import { loadOrt, OrtSession, type Ort, type OrtFiles, type OrtTensor } from '../../src/engine/ort';
import { collectFile, onnxFiles } from '../../src/lib/formats/onnx';
import { dequantise, quantise } from '../../src/engine/planned';
import type { FileArray } from '../../src/models/file-layout';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { EagerRuntime } from '../../src/models/decoder/eager/eager-runtime';
import { decoderOnnx, type OnnxStorage } from '../../src/models/decoder/onnx/decoder-graph';
import type { OnnxForm } from '../../src/models/decoder/onnx/graph-form';
import type { DecodeSession } from '../../src/models/loaded-model';
import { ACTIVATION_BUDGET_BYTES } from '../../src/models/memory-budget';
import { SELF_TEST_CONFIG, selfTestWeights } from '../../src/models/self-test';
import { TINY_DECODERS } from '../../src/models/testing/tiny-decoders';

/** Grouped heads; a head size that onnxruntime rotates within its attention. */
const CONFIG: DecoderConfig = { ...SELF_TEST_CONFIG, headSize: 16 };
/** Heads of that size, whatever the family. */
const FAMILIES = Object.entries(TINY_DECODERS)
  .filter(([name]) => name !== 'llama')
  .map(([name, config]): [string, DecoderConfig] => [name, { ...config, headSize: 16 }]);
const CAPACITY = CONFIG.contextLength;
const PROMPT = Array.from({ length: 37 }, (_, i) => (i * 7 + 3) % CONFIG.vocabSize);
const DECODED = [4, 9, 0, 28, 17, 17, 2, 11];
const TOLERANCE = 1e-4;

const device = new EngineDevice({ wasmPaths: wasmUrls, gpu: null });

function readerOf(weights: ReadonlyMap<string, FileArray>) {
  return (name: string): Promise<FileArray> => Promise.resolve(weights.get(name) as FileArray);
}

async function filesOf(
  config: DecoderConfig,
  form: OnnxForm,
  isExternal: boolean,
  storage: OnnxStorage,
): Promise<OrtFiles> {
  const model = decoderOnnx(config, readerOf(selfTestWeights(config, false)), form, storage);
  const [graph, data] = onnxFiles(model, 'model.onnx', isExternal);
  if (graph === undefined) throw new Error('No file.');
  if (data === undefined) return { graph: await collectFile(graph) };
  return { graph: await collectFile(graph), data: { name: data.name, content: await collectFile(data) } };
}

/** Weights as a model in few bits has them. */
function weightsIn(config: DecoderConfig, storage: OnnxStorage): Map<string, FileArray> {
  const weights = selfTestWeights(config, false);
  if (storage === 'f32') return weights;
  for (const [name, { shape, data }] of weights) {
    if (!name.includes('_proj')) continue;
    weights.set(name, { shape, data: dequantise(quantise(data, storage === 'int8' ? 8 : 4)) });
  }
  return weights;
}

const cacheNames = (prefix: string, { layers }: DecoderConfig): string[] =>
  Array.from({ length: layers }, (_, layer) => [`${prefix}.${layer}.key`, `${prefix}.${layer}.value`]).flat();

/** Tokens in, logits after the last one out, whatever the form of the graph. */
type Feed = (tokens: readonly number[]) => Promise<Float32Array>;

const lastRow = ({ data }: OrtTensor): Float32Array => (data as Float32Array).slice(-CONFIG.vocabSize);

/** The growing cache: what a run returns as present is the next one's past. */
function portableFeed(ort: Ort, session: OrtSession, config: DecoderConfig): Feed {
  const [pasts, presents] = [cacheNames('past_key_values', config), cacheNames('present', config)];
  const empty = () => new ort.Tensor('float32', new Float32Array(), [1, config.kvHeads, 0, config.headSize]);
  let cache: Record<string, OrtTensor> = Object.fromEntries(pasts.map((name) => [name, empty()]));
  let length = 0;
  const integers = (values: readonly number[], shape: number[]) =>
    new ort.Tensor('int64', BigInt64Array.from(values, BigInt), shape);
  return async (tokens) => {
    const total = length + tokens.length;
    const outputs = await session.run({
      input_ids: integers(tokens, [1, tokens.length]),
      attention_mask: integers(Array<number>(total).fill(1), [1, total]),
      position_ids: integers(
        tokens.map((_, i) => length + i),
        [1, tokens.length],
      ),
      num_logits_to_keep: integers([1], []),
      ...cache,
    });
    cache = Object.fromEntries(pasts.map((name, i) => [name, outputs[presents[i] ?? ''] as OrtTensor]));
    length = total;
    return lastRow(outputs['logits'] as OrtTensor);
  };
}

/** The cache of a fixed size. Without shared memory each run copies it: the same numbers, and enough for a test. */
function staticFeed(ort: Ort, session: OrtSession, config: DecoderConfig): Feed {
  const [pasts, presents] = [cacheNames('past_key_values', config), cacheNames('present', config)];
  const shape = [1, config.kvHeads, CAPACITY, config.headSize];
  const zeros = () =>
    new ort.Tensor('float32', new Float32Array(config.kvHeads * CAPACITY * config.headSize), shape);
  let cache: Record<string, OrtTensor> = Object.fromEntries(pasts.map((name) => [name, zeros()]));
  let length = 0;
  const integers = (values: readonly number[], shape: number[]) =>
    new ort.Tensor('int32', Int32Array.from(values), shape);
  return async (tokens) => {
    length += tokens.length;
    const outputs = await session.run({
      input_ids: integers(tokens, [1, tokens.length]),
      seqlens_k: integers([length - 1], [1]),
      total_sequence_length: integers([length], [1]),
      ...cache,
    });
    cache = Object.fromEntries(pasts.map((name, i) => [name, outputs[presents[i] ?? ''] as OrtTensor]));
    return lastRow(outputs['logits'] as OrtTensor);
  };
}

/** Largest relative error over the prompt's logits and those of each decoded token. */
async function largestError(feed: Feed, ours: DecodeSession): Promise<number> {
  let largest = 0;
  for (const tokens of [PROMPT, ...DECODED.map((token) => [token])]) {
    largest = Math.max(
      largest,
      relativeError(await feed(tokens), Float64Array.from(await ours.feed(tokens))),
    );
  }
  return largest;
}

describe('decoderOnnx in onnxruntime-web, on the CPU', () => {
  let ort: Ort;
  beforeAll(async () => {
    await device.select('cpu');
    ort = await loadOrt('wasm');
  });

  const cases: [string, DecoderConfig, OnnxForm, boolean][] = [
    ['portable, weights within', CONFIG, { kind: 'portable' }, false],
    ['portable, tied head, weights outside', { ...CONFIG, tiedHead: true }, { kind: 'portable' }, true],
    ['portable, sliding window', { ...CONFIG, slidingWindow: 5 }, { kind: 'portable' }, false],
    ['static', CONFIG, { kind: 'static', capacity: CAPACITY, tokens: null }, false],
    [
      'static, tied head',
      { ...CONFIG, tiedHead: true },
      { kind: 'static', capacity: CAPACITY, tokens: null },
      true,
    ],
    ...FAMILIES.map(([name, config]): (typeof cases)[number] => [
      `portable, ${name}`,
      config,
      { kind: 'portable' },
      false,
    ]),
    ...FAMILIES.filter(([name]) => name !== 'gpt2').map(([name, config]): (typeof cases)[number] => [
      `static, ${name}`,
      config,
      { kind: 'static', capacity: CAPACITY, tokens: null },
      false,
    ]),
  ];

  async function errorOf(
    exported: DecoderConfig,
    form: OnnxForm,
    isExternal: boolean,
    own: DecoderConfig,
    storage: OnnxStorage = 'f32',
  ) {
    const files = await filesOf(exported, form, isExternal, storage);
    const session = await OrtSession.open(ort, files, { provider: 'wasm' });
    const weights = readerOf(weightsIn(own, storage));
    const runtime = await EagerRuntime.load(own, weights, ACTIVATION_BUDGET_BYTES);
    const ours = runtime.createSession(null);
    const feedOf = form.kind === 'portable' ? portableFeed : staticFeed;
    const feed = feedOf(ort, session, exported);
    const error = await largestError(feed, ours);
    ours.dispose();
    runtime.dispose();
    await session.dispose();
    return error;
  }

  it.each(cases)(
    'decoderOnnx: %s, a prompt and 8 tokens: the logits of the eager decoder',
    async (_, config, form, isExternal) => {
      expect(await errorOf(config, form, isExternal, config)).toBeLessThan(TOLERANCE);
    },
  );

  it.each(['int8', 'int4'] as const)('decoderOnnx: projections in %s', async (storage) => {
    const config = { ...CONFIG, hiddenSize: 64, intermediateSize: 96 };
    expect(await errorOf(config, { kind: 'portable' }, true, config, storage)).toBeLessThan(TOLERANCE);
  });

  it.each([
    ['another rotation base', { ropeTheta: 8_000 }],
    ['a window one token wider', { slidingWindow: 6 }],
  ])('negative control: %s is caught', async (_, change) => {
    const exported = { ...CONFIG, slidingWindow: 5, ...change };
    expect(
      await errorOf(exported, { kind: 'portable' }, false, { ...CONFIG, slidingWindow: 5 }),
    ).toBeGreaterThan(TOLERANCE);
  });
});
