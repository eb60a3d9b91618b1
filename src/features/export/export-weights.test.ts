import 'fake-indexeddb/auto';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mixOf } from '../../core/config/dataset-mix';
import { trainingDefaults } from '../../core/config/training-config';
import { ADAPTER_BASES } from '../../../tests/support/hostile-adapters';
import { asFamily } from '../../../tests/support/model-forms';
import { openDatabase, type Database } from '../../core/database';
import { chunkPath, indexPath } from '../../data/storage/dataset-files';
import { readGgufHeader } from '../../lib/formats/gguf/gguf-header';
import { readSafetensor, readSafetensorsHeader, writeSafetensors } from '../../lib/formats/safetensors';
import { MemoryBlobStore } from '../../lib/storage/memory-blob-store';
import { byteTokenizerSource, CHATML } from '../../lib/text/testing/byte-tokenizer';
import { randomWeights } from '../../models/decoder/random-weights';
import type { FileArray } from '../../models/file-layout';
import { createModelFamilies } from '../../models/families';
import { encodeAdapter } from '../../models/peft';
import type { DatasetRecord } from '../../protocol/datasets';
import type { ExportEvent, ExportFormat } from '../../protocol/features';
import type { AdapterRecord, LoraConfig, ModelRecord, NamedFile } from '../../protocol/models';
import type { RunRecord } from '../../protocol/training';
import { WeightExports } from './export-weights';

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 272,
  hidden_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 64,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  eos_token_id: 263,
};
const LORA: LoraConfig = { rank: 2, alpha: 4, dropout: 0, targets: ['q', 'down'] };

let database: Database;
let blobs: MemoryBlobStore;
let exports: WeightExports;

const model: ModelRecord = {
  id: 'm',
  name: 'Tiny one',
  family: 'llama',
  parameters: 1,
  sizeBytes: 1,
  dtype: 'F32',
  contextLength: 64,
  license: 'mit',
  origin: 'imported',
  fingerprint: 'abc',
  location: { kind: 'blob', folder: 'models/m' },
  installedAt: 0,
};

async function install(
  id: string,
  lora: LoraConfig,
  runId: string | null = null,
  config: object = CONFIG,
): Promise<void> {
  const { plan } = createModelFamilies().plan(config);
  const arrays = new Map(
    [...plan.adapterShapes(lora)].map(([name, shape]) => {
      const size = shape.reduce((product, n) => product * n, 1);
      return [name, { shape, data: new Float32Array(size).fill(0.1) }];
    }),
  );
  const folder = `adapters/${id}`;
  for (const { name, blob } of encodeAdapter(arrays, lora, model))
    await blobs.write(`${folder}/${name}`, blob);
  const record: AdapterRecord = {
    id,
    name: 'Side',
    baseModelId: 'm',
    baseFingerprint: 'abc',
    lora,
    sizeBytes: 1000,
    folder,
    runId,
    createdAt: 0,
  };
  await database.put('adapters', record);
}

beforeEach(async () => {
  database = await openDatabase(`exports-${crypto.randomUUID()}`);
  blobs = new MemoryBlobStore();
  exports = new WeightExports({ database, blobs });
  const { plan } = createModelFamilies().plan(CONFIG);
  const tokenizer = byteTokenizerSource({ chat_template: CHATML });
  const files: Record<string, Blob> = {
    'config.json': new Blob([JSON.stringify(CONFIG)]),
    'model.safetensors': writeSafetensors(randomWeights(plan.decoder, 1)),
    'tokenizer.json': new Blob([tokenizer.tokenizerJson]),
    'tokenizer_config.json': new Blob([tokenizer.tokenizerConfigJson]),
  };
  for (const [name, blob] of Object.entries(files)) await blobs.write(`models/m/${name}`, blob);
  await database.put('models', model);
  await install('a', LORA);
});
afterEach(() => database.close());

/** Two rows as an import leaves them: the rows, and where each sample begins. */
async function storeDataset(): Promise<DatasetRecord> {
  const mapping = { prompt: 'q', completion: 'a' };
  const record = {
    id: 'd',
    name: 'Questions',
    format: 'completion',
    mapping,
    samples: 2,
    folder: 'datasets/d',
  };
  const dataset = { ...record, sizeBytes: 10 } as DatasetRecord;
  const rows = ['steel', 'hierro'].map((a) => `${JSON.stringify({ q: 'What?', a })}\n`);
  const [first = ''] = rows;
  const index = Uint32Array.of(
    ...[0, 0, first.length],
    ...[0, first.length, rows.join('').length - first.length],
  );
  await blobs.write(chunkPath(dataset.folder, 0), new Blob(rows));
  await blobs.write(indexPath(dataset.folder, dataset.format, mapping), new Blob([index]));
  await database.put('datasets', dataset);
  return dataset;
}

async function run(adapterId: string | null, format: ExportFormat) {
  const events: ExportEvent[] = [];
  for await (const event of exports.run({ modelId: 'm', adapterId }, format)) events.push(event);
  const last = events.pop();
  if (last?.type !== 'outcome') throw new Error('No outcome.');
  return { file: last.file, progress: events.flatMap((event) => (event.type === 'progress' ? [event] : [])) };
}

async function unzip({ blob }: NamedFile): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  return unzipSync(new Uint8Array(await blob.arrayBuffer()));
}

/** Another A for each projection. */
async function withOwnA(file: Blob): Promise<Blob> {
  const arrays = new Map<string, FileArray>();
  for (const [name, entry] of (await readSafetensorsHeader(file)).tensors) {
    const { shape, data } = await readSafetensor(file, entry);
    arrays.set(name, { shape, data: data.map((value) => value * (1 + arrays.size)) });
  }
  return writeSafetensors(arrays);
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe('WeightExports', () => {
  it('options: sizes are those of the files, and adapters have formats of their own', async () => {
    const alone = await exports.options({ modelId: 'm', adapterId: null });
    expect(alone.map(({ format }) => format)).not.toContain('peft');
    const options = await exports.options({ modelId: 'm', adapterId: 'a' });
    expect(options.map(({ format }) => format)).toEqual(
      expect.arrayContaining(['peft', 'gguf-lora', 'elsewhere', 'onnx', 'safetensors-f16']),
    );
    const q8 = options.find(({ format }) => format === 'gguf-q8_0');
    const { file } = await run('a', 'gguf-q8_0');
    expect(q8).toEqual({ format: 'gguf-q8_0', bytes: file.blob.size });
    expect(file.name).toBe('Tiny-one-Side-Q8_0.gguf');
    expect((await readGgufHeader(file.blob)).metadata.get('general.license')).toEqual({
      type: 'string',
      value: 'mit',
    });
  });

  it('options: what DoRA has no form for says so, the rest stays', async () => {
    await install('dora', { ...LORA, useDora: true });
    const options = await exports.options({ modelId: 'm', adapterId: 'dora' });
    expect(options.find(({ format }) => format === 'gguf-lora')).toMatchObject({
      refusal: { code: 'model.unsupported', message: 'A DoRA adapter has no form in GGUF.' },
    });
    expect(options.find(({ format }) => format === 'gguf-f16')).toHaveProperty('bytes');
  });

  it('safetensors: a directory with a card, in half precision', async () => {
    const { file, progress } = await run('a', 'safetensors-f16');
    const files = await unzip(file);
    expect(file.name).toBe('Tiny-one-Side-safetensors-f16.zip');
    expect(Object.keys(files)).toEqual([
      'model.safetensors',
      'config.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'chat_template.jinja',
      'generation_config.json',
      'README.md',
    ]);
    const weights = files['model.safetensors'];
    const header = await readSafetensorsHeader(new Blob(weights === undefined ? [] : [weights]));
    expect(new Set([...header.tensors.values()].map(({ dtype }) => dtype))).toEqual(new Set(['F16']));
    expect(JSON.parse(text(files['config.json']))).toEqual({ ...CONFIG, torch_dtype: 'float16' });
    expect(JSON.parse(text(files['generation_config.json']))).toEqual({ eos_token_id: 263 });
    expect(text(files['README.md'])).toContain('license: "mit"');
    expect(text(files['README.md'])).toContain('Side: LoRA, rank 2');
    const bytes = progress.map((event) => event.bytes);
    expect([...bytes].sort((a, b) => a - b)).toEqual(bytes);
    expect(bytes.at(-1)).toBe(progress.at(-1)?.totalBytes);
  });

  it('elsewhere: dataset, adapter and configurations of the run that made it', async () => {
    const config = { ...trainingDefaults, name: 'r', modelId: 'm', datasetId: 'd', startFromAdapterId: null };
    await database.put('runs', { id: 'r', config: { ...config, epochs: 7 } } as RunRecord);
    await install('trained', LORA, 'r');
    const files = await unzip((await run('trained', 'elsewhere')).file);
    expect(Object.keys(files)).toEqual([
      'README.md',
      'llama-factory.yaml',
      'axolotl.yaml',
      'data/dataset_info.json',
      'adapter/adapter_model.safetensors',
      'adapter/adapter_config.json',
      'adapter/README.md',
    ]);
    expect(text(files['llama-factory.yaml'])).toContain('num_train_epochs: 7\n');
    expect(text(files['README.md'])).toContain(
      '--enable-lora --max-lora-rank 8 --lora-modules Side=./adapter',
    );
  });

  it.each([
    [
      'phi3',
      { target_modules: ['qkv_proj', 'down_proj'], rank_pattern: { qkv_proj: 12 }, fan_in_fan_out: false },
      '--enable-lora --max-lora-rank 16 --lora-modules Side=./adapter',
    ],
    [
      'gpt2',
      { target_modules: ['c_attn', 'mlp.c_proj'], rank_pattern: { c_attn: 12 }, fan_in_fan_out: true },
      'vLLM does not load adapters of this family',
    ],
  ] as const)('elsewhere: %s: modules are those of its files', async (family, config, serving) => {
    for (const { name, blob } of await asFamily(ADAPTER_BASES[family]))
      await blobs.write(`models/m/${name}`, blob);
    await database.put('models', { ...model, family });
    const lora: LoraConfig = { ...LORA, rank: 4, targets: ['q', 'k', 'v', 'down'] };
    await install('wide', lora, null, ADAPTER_BASES[family]);
    const weights = await blobs.read('adapters/wide/adapter_model.safetensors');
    await blobs.write('adapters/wide/adapter_model.safetensors', await withOwnA(weights ?? new Blob()));
    const files = await unzip((await run('wide', 'elsewhere')).file);
    expect(JSON.parse(text(files['adapter/adapter_config.json']))).toMatchObject(config);
    expect(text(files['llama-factory.yaml'])).toContain(`lora_target: "${config.target_modules.join(',')}"`);
    expect(text(files['axolotl.yaml'])).toContain(
      `lora_target_modules: ${JSON.stringify(config.target_modules)}`,
    );
    expect(text(files['README.md'])).toContain(serving);
    expect(text(files['adapter/README.md'])).toContain(
      `| Projections | ${config.target_modules.join(', ')} |`,
    );
    const options = await exports.options({ modelId: 'm', adapterId: 'wide' });
    const sizes = [files['adapter/adapter_model.safetensors'], files['adapter/adapter_config.json']];
    const bytes = options.flatMap((option) =>
      option.format === 'peft' && 'bytes' in option ? option.bytes : [],
    );
    expect(bytes[0]).toBeGreaterThan(sizes.reduce((sum, file) => sum + (file?.length ?? 0), 0));
  });

  it('elsewhere: the dataset of the run, an example a line', async () => {
    const dataset = await storeDataset();
    const config = {
      ...trainingDefaults,
      name: 'r',
      modelId: 'm',
      datasetId: dataset.id,
      startFromAdapterId: null,
    };
    await database.put('runs', { id: 'r', config } as RunRecord);
    await install('trained', LORA, 'r');
    const files = await unzip((await run('trained', 'elsewhere')).file);
    const lines = text(files['data/dataset.jsonl']).trimEnd().split('\n');
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual(
      ['steel', 'hierro'].map((word) => ({
        messages: [
          { role: 'user', content: 'What?' },
          { role: 'assistant', content: word },
        ],
      })),
    );
    expect(text(files['README.md'])).toContain('Questions, 2 examples');
  });

  it('elsewhere: each dataset of a mix that was drawn from, by its share', async () => {
    const dataset = await storeDataset();
    await database.put('datasets', { ...dataset, id: 'e', samples: 6 });
    await database.put('datasets', { ...dataset, id: 'off', name: 'Off' });
    const mix = mixOf(['d', 'e', 'off', 'gone']);
    const shares = mix.shares.map((share) =>
      share.datasetId === 'off' ? { ...share, probability: 0 } : share,
    );
    const config = { ...trainingDefaults, name: 'r', modelId: 'm', datasetId: 'd', startFromAdapterId: null };
    await database.put('runs', { id: 'r', config: { ...config, mix: { ...mix, shares } } } as RunRecord);
    await install('trained', LORA, 'r');
    const files = await unzip((await run('trained', 'elsewhere')).file);
    expect(Object.keys(files).filter((name) => name.endsWith('.jsonl'))).toEqual([
      'data/Questions.jsonl',
      'data/Questions-2.jsonl',
    ]);
    expect(text(files['README.md'])).toContain('; 25.0 % of what was drawn |');
    expect(text(files['llama-factory.yaml'])).toContain('interleave_probs: "0.25,0.75"');
  });

  it('run: an adapter of another base, and what is not there', async () => {
    await database.put('models', { ...model, fingerprint: 'other' });
    await expect(run('a', 'gguf-f16')).rejects.toMatchObject({ code: 'adapter.base-mismatch' });
    await expect(run('x', 'gguf-f16')).rejects.toMatchObject({ code: 'adapter.unknown' });
    await expect(exports.options({ modelId: 'x', adapterId: null })).rejects.toMatchObject({
      code: 'model.unknown',
    });
  });
});
