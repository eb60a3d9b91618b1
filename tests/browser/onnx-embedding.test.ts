// Sentence embeddings from an ONNX graph: against the same computation in 64 bits, and against transformers.js on the same files.
import { describe, expect, it } from 'vitest';
import { createModelFamilies } from '../../src/models';
import type { LoadedEmbedder } from '../../src/models/loaded-embedder';
import { MemoryBlobStore } from '../../src/lib/storage/memory-blob-store';
import type { ModelRecord } from '../../src/protocol/models';
import { graphFiles, importOnnx } from '../support/onnx-models';
import { transformersVectors } from '../support/run-transformers';
import {
  BERT,
  bertDirectory,
  bertIds,
  bertReference,
  bertWeights,
  type BertForm,
} from '../support/tiny-bert';

const weights = bertWeights();
const TEXTS = ['The cat sat on the mat', 'dogs', 'the dog ran far', 'Cat'];
const WORDS = [
  ['the', 'cat', 'sat', 'on', 'the', 'mat'],
  ['dog', '##s'],
  ['the', 'dog', 'ran', 'far'],
  ['cat'],
];

const store = () => ({ blobs: new MemoryBlobStore(), families: createModelFamilies() });

async function imported(form: BertForm): Promise<{ record: ModelRecord; embedder: LoadedEmbedder }> {
  const own = store();
  const record = await importOnnx(own, await bertDirectory(weights, form));
  return { record, embedder: await graphFiles(own).loadEmbedder(record) };
}

function pooled(words: readonly string[], pooling: BertForm['pooling']): number[] {
  const vectors = bertReference(weights, bertIds(words));
  if (pooling === 'cls') return vectors[0] ?? [];
  if (pooling === 'lasttoken') return vectors.at(-1) ?? [];
  return Array.from({ length: BERT.hidden }, (_, i) => {
    const values = vectors.map((vector) => vector[i] ?? 0);
    const sum = values.reduce((total, value) => total + value, 0);
    return pooling === 'max' ? Math.max(...values) : sum / values.length;
  });
}

const unit = (vector: number[]): number[] => vector.map((value) => value / Math.hypot(...vector));

function expectClose(found: ArrayLike<number> | undefined, expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(found?.[i]).toBeCloseTo(value, 4));
}

describe('ONNX embeddings', () => {
  it.each([undefined, 'mean', 'cls', 'max', 'lasttoken'] as const)(
    'pooling %s: as in 64 bits, texts of several lengths side by side',
    async (pooling) => {
      const { record, embedder } = await imported(pooling === undefined ? {} : { pooling });
      expect(record).toMatchObject({ format: 'onnx', task: 'embedding', contextLength: BERT.positions });
      const { dimensions, vectors, truncated } = await embedder.embed(TEXTS);
      expect(dimensions).toBe(BERT.hidden);
      expect(truncated).toEqual([]);
      WORDS.forEach((words, index) => expectClose(vectors[index], pooled(words, pooling)));
      embedder.dispose();
    },
  );

  it('normalised where modules.json says so, and without token types', async () => {
    const { embedder } = await imported({ normalise: true, withSegments: false });
    const { vectors } = await embedder.embed(TEXTS);
    WORDS.forEach((words, index) => expectClose(vectors[index], unit(pooled(words, 'mean'))));
    embedder.dispose();
  });

  it('the vectors of transformers.js for the same files', async () => {
    const { embedder } = await imported({ normalise: true });
    const theirs = await transformersVectors(await bertDirectory(weights, { normalise: true }), TEXTS);
    const { vectors } = await embedder.embed(TEXTS);
    theirs.forEach((vector, index) => expectClose(vectors[index], vector));
    embedder.dispose();
  });

  it('a text that is too long is cut before its last special token, and told', async () => {
    const { embedder } = await imported({});
    const { vectors, truncated } = await embedder.embed(['cat '.repeat(40), 'cat']);
    expect(truncated).toEqual([0]);
    expectClose(vectors[0], pooled(new Array<string>(BERT.positions - 2).fill('cat'), 'mean'));
    embedder.dispose();
  });

  it('many texts come back in their order; none give none; an empty one is refused by number', async () => {
    const { embedder } = await imported({});
    const many = Array.from({ length: 40 }, (_, index) => TEXTS[index % TEXTS.length] ?? '');
    const { vectors } = await embedder.embed(many);
    many.forEach((_, index) =>
      expectClose(vectors[index], pooled(WORDS[index % WORDS.length] ?? [], 'mean')),
    );
    expect((await embedder.embed([])).vectors).toEqual([]);
    await expect(embedder.embed(['cat', ' \n'])).rejects.toMatchObject({
      code: 'inference.empty-text',
      message: expect.stringContaining('Text 2') as string,
    });
    embedder.dispose();
  });

  it('a model for vectors does not chat', async () => {
    const own = store();
    const record = await importOnnx(own, await bertDirectory(weights));
    await expect(graphFiles(own).load(record)).rejects.toMatchObject({ code: 'model.unsupported' });
  });
});
