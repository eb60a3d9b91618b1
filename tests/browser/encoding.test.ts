// Datasets that are encoded by an ONNX model behind the real clients: the engine worker pulls, the data worker keeps.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClients } from '../../src/app/clients/create-clients';
import { openDatabase } from '../../src/core/database';
import { modelFileName } from '../../src/core/model-file-name';
import type { EncodingProgress } from '../../src/protocol/encoding';
import type { NamedFile } from '../../src/protocol/models';
import { BERT, bertDirectory, bertWeights } from '../support/tiny-bert';

const ROWS = [...['the cat sat', 'dogs ran far', 'the dog', 'on the mat'], 'the cat sat'];
const groupName = `encoding-${crypto.randomUUID()}`;
let clients = createClients({ groupName });
let modelId = '';

const named = (files: ReadonlyMap<string, Blob>): NamedFile[] =>
  [...files].map(([path, blob]) => ({ name: modelFileName(path), blob }));

/** As a later visit: every worker begins anew, over what is stored. */
async function restart(): Promise<void> {
  await clients.dispose();
  clients = createClients({ groupName });
  await clients.engine.selectBackend('wasm');
}

async function addRows(rows: readonly string[]): Promise<string> {
  const blob = new Blob([rows.map((text) => JSON.stringify({ text })).join('\n')]);
  const options = { name: 'Rows', onBadLine: 'stop', format: null, mapping: null } as const;
  for await (const event of clients.data.importDataset([{ name: 'rows.jsonl', blob }], options)) {
    if (event.type === 'outcome' && event.outcome.status === 'stored') return event.outcome.dataset.id;
  }
  throw new Error('Nothing was stored.');
}

async function encode(datasetId: string, until = Infinity): Promise<EncodingProgress[]> {
  const events: EncodingProgress[] = [];
  for await (const event of clients.engine.encodeDataset(datasetId, modelId)) {
    events.push(event);
    if (events.length >= until) break;
  }
  return events;
}

beforeAll(async () => {
  await clients.engine.selectBackend('wasm');
  const files = named(await bertDirectory(bertWeights(), { normalise: true }));
  modelId = (await clients.engine.importModel('Vectors', files)).id;
});

afterAll(async () => {
  for (const { id } of await clients.data.listDatasets()) await clients.data.deleteDataset(id);
  for (const { id, origin } of await clients.engine.listModels())
    if (origin !== 'embedded') await clients.engine.deleteModel(id);
  await clients.dispose();
});

describe('encoding', () => {
  it('encoding: every row gets its vector, and nothing is encoded twice, in a later visit either', async () => {
    const id = await addRows(ROWS);
    expect((await encode(id)).at(-1)).toMatchObject({ total: 5, done: 5, dimensions: BERT.hidden });
    await restart();
    expect(await encode(id)).toEqual([{ datasetId: id, total: 5, done: 5, dimensions: 0, truncated: 0 }]);
    const state = await clients.data.embeddingState(id, modelId);
    expect(state).toMatchObject({ total: 5, done: 5, dimensions: BERT.hidden, drift: [] });
    expect(state.made?.encoder.revision).toBe(state.encoder.revision);
    const [query] = (await clients.engine.embed(modelId, ['the dog'])).vectors;
    const asked = Float32Array.from(query ?? []);
    const { rows, searched } = await clients.data.findSimilar(id, modelId, asked, 2);
    expect(searched).toBe(5);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({ index: 2, text: 'the dog' });
    expect(rows[0]?.score).toBeCloseTo(1, 5);
    let file = '';
    for await (const part of clients.data.exportVectors(id, modelId)) file += part;
    const lines = file.trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { row: number }).row)).toEqual([0, 1, 2, 3, 4]);
    const [page] = (await clients.data.cacheSizes()).stores;
    expect(page?.vectors.datasets).toMatchObject([{ datasetId: id, values: 4 }]);
    await clients.data.clearCache(id);
    expect((await clients.data.embeddingState(id, modelId)).done).toBe(0);
  });

  it('encoding: stopped and gone on with, and a damaged vector is made anew', async () => {
    const rows = Array.from({ length: 300 }, (_, i) => `the cat sat on ${i}`);
    const id = await addRows(rows);
    await encode(id, 2);
    const kept = (await clients.data.embeddingState(id, modelId)).done;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(300);
    const [first] = await encode(id);
    expect(first?.done).toBeGreaterThanOrEqual(kept);
    const database = await openDatabase();
    const [row] = await database.getAll('cachedVectors');
    if (row === undefined) throw new Error('Nothing was kept.');
    await database.put('cachedVectors', { ...row, bytes: new ArrayBuffer(row.size) });
    // That it is damaged is known once it is read.
    const query = new Float32Array(BERT.hidden).fill(1);
    expect(await clients.data.findSimilar(id, modelId, query, 1)).toMatchObject({
      searched: 299,
      missing: 1,
    });
    expect((await clients.data.embeddingState(id, modelId)).done).toBe(299);
    expect((await encode(id)).at(-1)).toMatchObject({ total: 300, done: 300 });
    expect((await database.get('cachedVectors', row.key))?.bytes).toEqual(row.bytes);
    database.close();
  });

  it('encoding: a model that makes no vectors is refused, and one that is not there', async () => {
    const id = await addRows(ROWS);
    const chat = (await clients.engine.listModels()).find(({ task }) => task !== 'embedding');
    const run = async (model: string) => {
      for await (const event of clients.engine.encodeDataset(id, model)) void event;
    };
    await expect(run(chat?.id ?? '')).rejects.toMatchObject({ code: 'model.unsupported' });
    await expect(run('none')).rejects.toMatchObject({ code: 'model.unknown' });
  });
});
