import 'fake-indexeddb/auto';
import { unzipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defaultSettings } from '../core/config/settings';
import { trainingDefaults } from '../core/config/training-config';
import { openDatabase, type Database } from '../core/database';
import { MemoryBlobStore } from '../lib/storage/memory-blob-store';
import type { Conversation } from '../protocol/conversations';
import { TINY_CONFIG_JSON } from '../models/testing/tiny-decoders';
import type { AdapterRecord, ModelRecord, NamedFile } from '../protocol/models';
import type { RunRecord, StepMetrics } from '../protocol/training';
import { createFeatures, type FeaturesCalls } from './compose-features';

const model: ModelRecord = {
  id: 'm',
  name: 'Chispa',
  family: 'llama',
  parameters: 2,
  sizeBytes: 8,
  dtype: 'F32',
  contextLength: 256,
  license: 'MIT',
  origin: 'imported',
  fingerprint: 'ab'.repeat(32),
  location: { kind: 'blob', folder: 'models/m' },
  installedAt: 1,
};
const adapter: AdapterRecord = {
  id: 'a',
  name: 'Über style / 1',
  baseModelId: 'm',
  baseFingerprint: model.fingerprint,
  lora: { rank: 4, alpha: 8, dropout: 0, targets: ['q', 'v'] },
  sizeBytes: 3,
  folder: 'adapters/a',
  runId: 'r',
  createdAt: 1,
};

function conversation(id: string, title: string, content: string, updatedAt = 1): Conversation {
  const target = { modelId: 'm', adapterId: null };
  const variant = { target: null, stats: null, interrupted: null, createdAt: 1 };
  return {
    id,
    title,
    pinned: false,
    systemPrompt: '',
    target,
    sampling: { temperature: 0.8, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: null },
    maxTokens: 64,
    stop: [],
    messages: [
      { id: `${id}1`, role: 'user', selected: 0, variants: [{ ...variant, content: 'Hello' }] },
      {
        id: `${id}2`,
        role: 'assistant',
        selected: 1,
        variants: [
          { ...variant, content: 'discarded' },
          { ...variant, content, interrupted: 'stopped' },
        ],
      },
    ],
    createdAt: 1,
    updatedAt,
  };
}

const step: StepMetrics = {
  runId: 'r',
  step: 1,
  totalSteps: 2,
  epoch: 0,
  loss: null,
  learningRate: 1e-3,
  gradNorm: null,
  tokensPerSecond: 10,
  memoryBytes: 5,
  elapsedSeconds: 1,
  remainingSeconds: null,
};
const run: RunRecord = {
  id: 'r',
  config: { ...trainingDefaults, name: 'r', modelId: 'm', datasetId: 'd', startFromAdapterId: null },
  status: 'paused',
  clock: { epoch: 0, microStep: 1, optimizerStep: 1 },
  totalSteps: 2,
  parameters: 2,
  trainableParameters: 1,
  backend: 'cpu',
  evalLossBefore: null,
  evalLossBest: null,
  evalLossLast: null,
  lastMetrics: step,
  adapterId: 'a',
  tunedModelId: null,
  note: null,
  createdAt: 1,
  updatedAt: 1,
};

let database: Database;
let blobs: MemoryBlobStore;
let features: FeaturesCalls;
const opened: Database[] = [];

async function freshDatabase(): Promise<Database> {
  const fresh = await openDatabase(`features-${crypto.randomUUID()}`);
  opened.push(fresh);
  return fresh;
}

beforeEach(async () => {
  database = await freshDatabase();
  blobs = new MemoryBlobStore();
  features = createFeatures(database, blobs);
});
afterEach(() => opened.splice(0).forEach((each) => each.close()));

async function unzip({ blob }: NamedFile): Promise<Record<string, Uint8Array>> {
  return unzipSync(new Uint8Array(await blob.arrayBuffer()));
}
const textFile = (text: string): NamedFile => ({ name: 'w.json', blob: new Blob([text]) });
const parts = { conversations: true, runs: true, settings: true };

describe('features: adapter and model export', () => {
  test('adapter export: PEFT files byte for byte, and a card that names the base', async () => {
    await database.put('models', model);
    await database.put('adapters', adapter);
    await blobs.write('models/m/config.json', new Blob([JSON.stringify(TINY_CONFIG_JSON.llama)]));
    const weights = new Uint8Array(100_000).map((_, index) => (index * 7919) % 251);
    await blobs.write('adapters/a/adapter_model.safetensors', weights);
    await blobs.write('adapters/a/adapter_config.json', new Blob(['{"r":4}']));
    const file = await features.exportAdapter('a');
    const entries = await unzip(file);
    expect(file.name).toBe('Über-style-1.zip');
    expect(Object.keys(entries)).toEqual(['adapter_model.safetensors', 'adapter_config.json', 'README.md']);
    expect(entries['adapter_model.safetensors']).toEqual(weights);
    const card = new TextDecoder().decode(entries['README.md']);
    expect(card).toContain('base_model: "Chispa"');
    expect(card).toContain('q_proj, v_proj');
  });

  test('adapter export: an unknown adapter and a lost file are told apart', async () => {
    await expect(features.exportAdapter('x')).rejects.toMatchObject({ code: 'adapter.unknown' });
    await database.put('adapters', adapter);
    await expect(features.exportAdapter('a')).rejects.toMatchObject({ code: 'storage.missing' });
  });
});

describe('features: conversation export', () => {
  test('conversation export: Markdown shows the chosen variants', async () => {
    await database.put('conversations', conversation('c', 'First talk', 'Chosen'));
    const file = await features.exportConversation('c', 'markdown');
    const text = await file.blob.text();
    expect(file.name).toBe('First-talk.md');
    expect(text).toContain('## You\n\nHello');
    expect(text).toContain('## Model\n\nChosen\n\n*Cut short: stopped*');
    expect(text).not.toContain('discarded');
  });

  test('conversation export: JSON holds the whole record; an unknown one is refused', async () => {
    const record = conversation('c', '', 'x');
    await database.put('conversations', record);
    const file = await features.exportConversation('c', 'json');
    expect(file.name).toBe('conversation.json');
    expect(JSON.parse(await file.blob.text())).toEqual(record);
    await expect(features.exportConversation('no', 'json')).rejects.toMatchObject({
      code: 'storage.missing',
    });
  });
});

describe('features: workspace', () => {
  async function fill(): Promise<NamedFile> {
    await database.put('conversations', conversation('c', 'Mine', 'x'));
    await database.put('runs', run);
    await database.put('runs', { ...run, id: 'r2', adapterId: null, status: 'finished' });
    await database.put('runMetrics', { kind: 'step', ...step });
    await database.put('runMetrics', { kind: 'step', ...step, runId: 'r2', step: 2 });
    const settings = { ...defaultSettings, appearance: { theme: 'dark', language: 'es' } };
    await database.put('documents', settings, 'settings');
    await database.put('vault', { iv: new Uint8Array(12), ciphertext: new ArrayBuffer(4) }, 'token');
    return features.exportWorkspace(parts);
  }

  test('workspace: an empty browser gets everything back, runs at rest', async () => {
    const file = await fill();
    const fresh = await freshDatabase();
    const counts = await createFeatures(fresh, blobs).importWorkspace(file);
    expect(counts).toEqual({ conversations: 1, runs: 2, settings: 1 });
    expect(await fresh.get('conversations', 'c')).toEqual(conversation('c', 'Mine', 'x'));
    expect(await fresh.get('runs', 'r')).toEqual({ ...run, status: 'interrupted', adapterId: null });
    expect(await fresh.getAll('runMetrics')).toEqual([
      { kind: 'step', ...step },
      { kind: 'step', ...step, runId: 'r2', step: 2 },
    ]);
    expect(await fresh.get('documents', 'settings')).toMatchObject({ appearance: { theme: 'dark' } });
  });

  test('workspace: what is there already is kept', async () => {
    const file = await fill();
    await database.put('conversations', conversation('c', 'Changed', 'y'));
    expect(await features.importWorkspace(file)).toEqual({ conversations: 0, runs: 0, settings: 0 });
    expect((await database.get('conversations', 'c'))?.title).toBe('Changed');
  });

  test('workspace: secrets and parts that were not asked for stay out', async () => {
    await fill();
    const file = await features.exportWorkspace({ conversations: true, runs: false, settings: false });
    const content = JSON.parse(await file.blob.text()) as object;
    expect(Object.keys(content)).toEqual(['kind', 'version', 'exportedAt', 'conversations']);
    expect(await (await features.exportWorkspace(parts)).blob.text()).not.toMatch(/vault|ciphertext|token"/);
  });

  test.each([
    ['no JSON', 'hello', /no readable JSON/],
    ['another file', '{"a":1}', /not a file exported by Fragua/],
    ['the future', '{"kind":"fragua.workspace","version":99}', /version 99/],
    [
      'damage',
      '{"kind":"fragua.workspace","version":1,"exportedAt":1,"conversations":[{"id":"c"}]}',
      /damaged at conversations\.0\.title/,
    ],
  ])('workspace: %s is refused in words', async (_name, text, message) => {
    await expect(features.importWorkspace(textFile(text))).rejects.toMatchObject({
      code: 'import.invalid',
      message: expect.stringMatching(message) as string,
    });
  });

  test('workspace: bad settings stop the whole import', async () => {
    const file = JSON.parse(await (await fill()).blob.text()) as Record<string, unknown>;
    file['settings'] = { version: 1, appearance: { theme: 'pink' } };
    const fresh = await freshDatabase();
    const imported = createFeatures(fresh, blobs).importWorkspace(textFile(JSON.stringify(file)));
    await expect(imported).rejects.toMatchObject({ code: 'config.invalid' });
    expect(await fresh.count('conversations')).toBe(0);
  });
});

describe('features: search', () => {
  test('search: all terms, any case and accent, newest first, with the words around', async () => {
    const long = `${'word '.repeat(40)}El CORAZÓN late ${'más '.repeat(60)}`;
    await database.put('conversations', conversation('old', 'Uno', long, 1));
    await database.put('conversations', conversation('new', 'corazon LATE', 'nothing', 2));
    await database.put('conversations', conversation('other', 'late', 'nothing', 3));
    const hits = await features.searchConversations('  corazon  Late ');
    expect(hits.map((hit) => hit.conversation.id)).toEqual(['new', 'old']);
    expect(hits[1]?.excerpt).toMatch(/^….*El CORAZÓN late.*…$/);
    expect(hits[0]?.excerpt).toBe('corazon LATE');
    expect(await features.searchConversations('   ')).toEqual([]);
  });
});
