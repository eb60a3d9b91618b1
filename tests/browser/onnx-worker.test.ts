// ONNX models behind the real clients: imported, chatted with, asked for vectors, refused what they cannot do, deleted.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClients } from '../../src/app/clients/create-clients';
import { modelFileName } from '../../src/core/model-file-name';
import { exportFiles, openExportSource } from '../../src/models/export';
import type { GenerationRequest } from '../../src/protocol/inference';
import type { ModelRecord, NamedFile } from '../../src/protocol/models';
import { collectBlobs } from '../support/collect-blob';
import { BERT, bertDirectory, bertIds, bertReference, bertWeights } from '../support/tiny-bert';
import { clearModel, idsOf, selectCpu, textOf, TINY_LLAMA, type ClearModel } from '../support/tiny-model';
import { tinyConfig } from './engine-fixture';

const PROMPT = 'Tell me (again), 42 times?';
const TOKENS = 24;

const clients = createClients({ groupName: `onnx-${crypto.randomUUID()}` });
let clear: ClearModel;
let graph: ModelRecord;

const named = (files: ReadonlyMap<string, Blob>): NamedFile[] =>
  [...files].map(([path, blob]) => ({ name: modelFileName(path), blob }));

beforeAll(async () => {
  await selectCpu();
  clear = await clearModel(TINY_LLAMA, null, idsOf(PROMPT), TOKENS);
  const source = await openExportSource(clear.model, clear.model.record, null);
  await clients.engine.selectBackend('wasm');
  const files = named(await collectBlobs(exportFiles(source, 'onnx', 'tiny')));
  graph = await clients.engine.importModel('Graph', files);
});

afterAll(async () => {
  for (const { id, origin } of await clients.engine.listModels()) {
    if (origin !== 'embedded') await clients.engine.deleteModel(id);
  }
  await clients.dispose();
});

async function answer(prompt: string, maxTokens: number) {
  const request: GenerationRequest = {
    target: { modelId: graph.id, adapterId: null },
    input: { prompt },
    sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: null },
    maxTokens,
    stop: [],
  };
  let text = '';
  let cachedTokens = 0;
  for await (const event of clients.engine.generate(request)) {
    if (event.type === 'text') text += event.text;
    if (event.type === 'finish') cachedTokens = event.stats.cachedTokens;
  }
  return { text, cachedTokens };
}

describe('ONNX in the engine worker', () => {
  it('of both variants the one in 32-bit floats is taken, and answers', async () => {
    expect(graph).toMatchObject({ format: 'onnx', task: 'chat', variant: 'model.onnx', dtype: 'F32' });
    const expected = textOf(clear.answer.ids);
    expect((await answer(PROMPT, TOKENS)).text).toBe(expected);
    // The conversation goes on where it was; what was read stays read.
    const more = await answer(`${PROMPT}${expected.slice(0, 10)}`, 8);
    expect(more.text).toBe(expected.slice(10, 18));
    expect(more.cachedTokens).toBe(PROMPT.length + 9);
  });

  it('is not trained, and takes what its files and its cache take', async () => {
    const config = tinyConfig({ modelId: graph.id, datasetId: 'none' });
    await expect(clients.engine.planTraining(config)).rejects.toMatchObject({
      code: 'model.unsupported',
      remedy: expect.stringContaining('safetensors') as string,
    });
    const { chat, train } = await clients.engine.estimateModel({ modelId: graph.id });
    expect(train).toEqual([]);
    expect(chat[0]?.bytes).toBeGreaterThan(graph.sizeBytes);
  });

  it('embed: vectors of texts come back whole, and only from a model for them', async () => {
    const weights = bertWeights();
    const files = named(await bertDirectory(weights, { pooling: 'cls' }));
    const { id, task } = await clients.engine.importModel('Vectors', files);
    expect(task).toBe('embedding');
    const { dimensions, vectors, truncated } = await clients.engine.embed(id, ['the cat', 'dogs']);
    expect([dimensions, truncated]).toEqual([BERT.hidden, []]);
    const [first = []] = bertReference(weights, bertIds(['the', 'cat']));
    first.forEach((value, i) => expect(vectors[0]?.[i]).toBeCloseTo(value, 4));
    await expect(clients.engine.embed(graph.id, ['x'])).rejects.toMatchObject({ code: 'model.unsupported' });
    await expect(clients.engine.embed(id, [''])).rejects.toMatchObject({ code: 'inference.empty-text' });
  });
});
