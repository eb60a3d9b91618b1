import 'fake-indexeddb/auto';
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  asFamily,
  asGguf,
  asGgufParts,
  asOnnx,
  asSafetensors,
  asShards,
  jsonFile,
  modelWeights,
} from '../../tests/support/model-forms';
import { ADAPTER_BASES, HOSTILE_ADAPTERS } from '../../tests/support/hostile-adapters';
import { HOSTILE_MODELS } from '../../tests/support/hostile-models';
import { trainingDefaults } from '../core/config/training-config';
import { openDatabase } from '../core/database';
import { EventBus } from '../core/event-bus';
import { EngineDevice } from '../engine';
import { MemoryBlobStore } from '../lib/storage/memory-blob-store';
import { createModelFamilies, ModelFiles } from '../models';
import { openExportSource } from '../models/export';
import type { ModelRecord, NamedFile } from '../protocol/models';
import { createModelCatalog } from './model-catalog';
import { ModelLibrary } from './model-library';
import { TextTools } from './text-tools';

/** The library over stores in memory and the real readers. */
async function createLibrary() {
  const database = await openDatabase(`reading-${crypto.randomUUID()}`);
  const blobs = new MemoryBlobStore();
  const backend = new ModelFiles({
    blobs,
    families: createModelFamilies(),
    plans: () => null,
    memoryLimitBytes: () => null,
  });
  const catalog = createModelCatalog(database, blobs, { embeddedBaseUrl: 'none:' });
  const createId = () => crypto.randomUUID();
  const parts = { database, blobs, backend, catalog, createId, bus: new EventBus(), now: () => 1 };
  return { ...parts, library: new ModelLibrary(parts) };
}

type Library = Awaited<ReturnType<typeof createLibrary>>;

async function logitsOf({ backend }: Library, record: ModelRecord): Promise<Float32Array> {
  const model = await backend.load(record);
  const session = model.createSession(null);
  const logits = await session.feed([1, 2, 3]);
  session.dispose();
  model.dispose();
  return logits;
}

const names = async ({ blobs }: Library, { id }: ModelRecord): Promise<string[]> =>
  (await blobs.list(`models/${id}`)).map(({ path }) => path.slice(path.lastIndexOf('/') + 1));

async function digest(...files: (Blob | undefined)[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) hash.update(new Uint8Array((await file?.arrayBuffer()) ?? new ArrayBuffer(0)));
  return hash.digest('hex');
}

const blobOf = (files: readonly NamedFile[], name: string) => files.find((file) => file.name === name)?.blob;

beforeAll(async () => {
  await new EngineDevice({ wasmPaths: null, gpu: null }).select('wasm');
});

describe('reading models', () => {
  it('import: the same weights as one file, in shards and as GGUF answer alike', async () => {
    const bench = await createLibrary();
    const whole = asSafetensors();
    const single = await bench.library.importModel('single', whole);
    const sharded = await bench.library.importModel('sharded', asShards());
    const gguf = await bench.library.importModel('gguf', await asGguf());
    const expected = await logitsOf(bench, single);
    expect(await logitsOf(bench, sharded)).toEqual(expected);
    expect(await logitsOf(bench, gguf)).toEqual(expected);
    expect(single.fingerprint).toBe(await digest(blobOf(whole, 'model.safetensors')));
    expect([single, sharded, gguf].map(({ format, dtype }) => [format, dtype])).toEqual([
      ['safetensors', 'F32'],
      ['safetensors', 'F32'],
      ['gguf', 'F32'],
    ]);
    expect(single.parameters).toBe(gguf.parameters);
  });

  it('import: shards are hashed by name, whatever order they come in', async () => {
    const bench = await createLibrary();
    const files = asShards();
    const expected = await digest(
      blobOf(files, 'model-00001-of-00002.safetensors'),
      blobOf(files, 'model-00002-of-00002.safetensors'),
    );
    const record = await bench.library.importModel('sharded', [...files].reverse());
    expect(record.fingerprint).toBe(expected);
    expect(await names(bench, record)).toContain('model.safetensors.index.json');
  });

  it('import: a GGUF file brings its tokenizer and template, which training and chat read', async () => {
    const bench = await createLibrary();
    const files = [...(await asGguf()), jsonFile('README.md', 'Not a part of it.')];
    const record = await bench.library.importModel('gguf', files);
    expect(await names(bench, record)).toEqual([
      'config.json',
      'generation_config.json',
      'model.gguf',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const model = await bench.backend.load(record);
    expect(model.stopTokenIds).toEqual([263]);
    expect(model.chatTemplate?.render([{ role: 'user', content: 'hi' }], { generationPrompt: true })).toBe(
      '<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n',
    );
    model.dispose();
    const tools = new TextTools((id) => bench.catalog.findModel(id), bench.blobs);
    await expect(tools.encoderFor(record.id)).resolves.toBeDefined();
  });

  it.each([2, 3, 5])('import: GGUF in %i parts is the model of the whole file', async (count) => {
    const bench = await createLibrary();
    const whole = await bench.library.importModel('whole', await asGguf());
    const parts = await asGgufParts(count);
    const record = await bench.library.importModel('parts', [...parts].reverse());
    expect(await logitsOf(bench, record)).toEqual(await logitsOf(bench, whole));
    expect(await names(bench, record)).toEqual([
      'config.json',
      'generation_config.json',
      ...parts.slice(1).map(({ name }) => name.replace('tiny', 'model')),
      'model.gguf',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(record).toMatchObject({ format: 'gguf', dtype: 'F32', parameters: whole.parameters });
    expect(record.fingerprint).toBe(await digest(...parts.map(({ blob }) => blob)));
    expect(record.sizeBytes).toBe(parts.reduce((sum, { blob }) => sum + blob.size, 0));
  });

  it('import: a first part without tensors, and one part of a file that was split into one', async () => {
    const bench = await createLibrary();
    const expected = await logitsOf(bench, await bench.library.importModel('whole', await asGguf()));
    const split = await asGgufParts(3, {
      tensors: ([first = [], second = [], third = []]) => [[], [...first, ...second], third],
    });
    expect(await logitsOf(bench, await bench.library.importModel('split', split))).toEqual(expected);
    expect(await logitsOf(bench, await bench.library.importModel('one', await asGgufParts(1)))).toEqual(
      expected,
    );
  });

  it('import: an ONNX graph is known by what it takes, whatever its architecture', async () => {
    const bench = await createLibrary();
    const files = await asOnnx((model) => model, { external: true });
    const config = jsonFile('config.json', { architectures: ['MambaForCausalLM'], n_ctx: 99 });
    const known = files.map((file) => (file.name === 'config.json' ? config : file));
    const record = await bench.library.importModel('graph', known);
    expect(record).toMatchObject({ format: 'onnx', family: 'graph', task: 'chat', contextLength: 99 });
    expect(await names(bench, record)).toEqual([
      'config.json',
      'model.onnx',
      'model.onnx_data',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const parameters = [...modelWeights().values()].reduce((sum, { data }) => sum + data.length, 0);
    // The rotation tables are weights of the graph: cosines and sines of 256 positions, 4 of each.
    expect(record.parameters).toBe(parameters + 2 * 256 * 4);
    expect(record.fingerprint).toBe(
      await digest(blobOf(known, 'model.onnx'), blobOf(known, 'model.onnx_data')),
    );
  });

  it('import: of several ONNX graphs the one that loses least, and the record says which', async () => {
    const bench = await createLibrary();
    const files = await asOnnx();
    const graph = blobOf(files, 'model.onnx') ?? new Blob();
    const variants = ['model_fp16.onnx', 'model_q4.onnx'].map((name) => ({ name, blob: graph }));
    const beside = files.filter(({ name }) => name !== 'model.onnx');
    const record = await bench.library.importModel('graph', [...beside, ...variants]);
    expect(record.variant).toBe('model_q4.onnx');
    // Safetensors of a family that is known can be trained as well: they go first.
    const both = await bench.library.importModel('both', [...files, ...asSafetensors()]);
    expect(both).toMatchObject({ format: 'safetensors', family: 'llama' });
  });

  it('ONNX: what needs its weights is refused, and says what to do', async () => {
    const bench = await createLibrary();
    const record = await bench.library.importModel('graph', await asOnnx());
    const refused = { code: 'model.unsupported', remedy: expect.stringContaining('safetensors') as string };
    const config = { ...trainingDefaults, name: '', modelId: record.id, datasetId: '' };
    const training = { ...config, startFromAdapterId: null, method: 'lora' as const };
    await expect(bench.backend.plan(training, record)).rejects.toMatchObject(refused);
    await expect(bench.backend.load(record, 'int4')).rejects.toMatchObject(refused);
    const families = createModelFamilies();
    await expect(openExportSource({ ...bench, families }, record, null)).rejects.toMatchObject(refused);
    const estimate = await bench.backend.estimate(record);
    expect(estimate.train).toEqual([]);
    expect(estimate.chat).toMatchObject([{ storage: 'f32', fits: true }]);
  });

  it('keepModel: what was fully tuned from a GGUF base is safetensors with all that a model needs', async () => {
    const bench = await createLibrary();
    const base = await bench.library.importModel('gguf', await asGguf());
    const model = await bench.backend.load(base);
    const training = await model.createFullTraining();
    const kept = await bench.library.keepModel('tuned', base, await training.exportWeights());
    training.dispose();
    model.dispose();
    expect(kept).toMatchObject({ format: 'safetensors', dtype: 'F32', origin: 'tuned' });
    expect(await names(bench, kept)).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    expect(await logitsOf(bench, kept)).toEqual(await logitsOf(bench, base));
  });

  it('load: a record from before formats were written down is safetensors', async () => {
    const bench = await createLibrary();
    const { format, ...older } = await bench.library.importModel('single', asSafetensors());
    expect(format).toBe('safetensors');
    expect(await logitsOf(bench, older)).toHaveLength(272);
  });

  it('template: one in a file of its own is used where the configuration has none', async () => {
    const bench = await createLibrary();
    const files = asSafetensors().filter(({ name }) => name !== 'tokenizer_config.json');
    const template = jsonFile('chat_template.jinja', '{{ messages[0].content }}!');
    const record = await bench.library.importModel('single', [...files, template]);
    const model = await bench.backend.load(record);
    expect(model.chatTemplate?.render([{ role: 'user', content: 'hi' }], { generationPrompt: false })).toBe(
      'hi!',
    );
    model.dispose();
  });

  it('adapter: refused by a base that it was not trained on', async () => {
    const bench = await createLibrary();
    const base = await bench.library.importModel('single', asSafetensors());
    const other = await bench.library.importModel('gguf', await asGguf());
    const model = await bench.backend.load(base);
    const lora = { rank: 2, alpha: 4, dropout: 0, targets: ['q' as const] };
    const training = await model.createLoraTraining(lora, 1, null);
    const files = await bench.backend.encodeAdapter(await training.exportWeights(), lora, base);
    training.dispose();
    model.dispose();
    await expect(bench.library.importAdapter('mine', base.id, files)).resolves.toMatchObject({
      lora: { rank: 2 },
    });
    await expect(bench.library.importAdapter('theirs', other.id, files)).rejects.toMatchObject({
      code: 'adapter.base-mismatch',
    });
    expect((await bench.database.getAll('adapters')).map(({ name }) => name)).toEqual(['mine']);
  });

  it.each(HOSTILE_MODELS)('hostile: $what is refused by name, and nothing is kept', async (hostile) => {
    const bench = await createLibrary();
    const refusal = bench.library.importModel('hostile', await hostile.files());
    await expect(refusal).rejects.toMatchObject({
      code: hostile.code,
      message: expect.stringContaining(hostile.fact) as string,
      remedy: expect.any(String) as string,
    });
    expect(await bench.blobs.list('')).toEqual([]);
    expect(await bench.database.getAll('models')).toEqual([]);
  });

  it.each(HOSTILE_ADAPTERS)('hostile: $what is refused by name, and nothing is kept', async (hostile) => {
    const bench = await createLibrary();
    const base = await bench.library.importModel(
      'base',
      await asFamily(ADAPTER_BASES[hostile.base ?? 'llama']),
    );
    const before = await bench.blobs.list('');
    await expect(
      bench.library.importAdapter('hostile', base.id, await hostile.files()),
    ).rejects.toMatchObject({
      code: hostile.code,
      message: expect.stringContaining(hostile.fact) as string,
      remedy: expect.any(String) as string,
    });
    expect(await bench.blobs.list('')).toEqual(before);
    expect(await bench.database.getAll('adapters')).toEqual([]);
  });
});
