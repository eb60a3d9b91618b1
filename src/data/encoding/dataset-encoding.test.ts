import type { TextInputs } from '../../protocol/encoding';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Database } from '../../core/database';
import type { Sample } from '../../protocol/datasets';
import { vectorCache } from '../caches/page-caches';
import type { ValueCache } from '../caches/value-cache';
import { memoryData } from '../testing/memory-data';
import { DatasetEncoding, type DatasetEncodingParts } from './dataset-encoding';
import { TextInputSource } from './text-inputs';

const text = (content: string): Sample => ({ kind: 'text', text: content });

describe('dataset-encoding', () => {
  let database: Database;
  let cache: ValueCache;
  beforeEach(async () => {
    ({ database } = await memoryData());
    cache = vectorCache(database);
  });

  function parts(
    texts: readonly string[],
    changes: Partial<DatasetEncodingParts> = {},
  ): DatasetEncodingParts {
    const samples = texts.map(text);
    const read = (i: number) => Promise.resolve(samples[i] ?? text(''));
    return {
      source: new TextInputSource({ count: samples.length, leftOut: new Set(), read }),
      revision: 'r',
      cache,
      pause: () => Promise.resolve(),
      datasetId: 'd',
      compress: false,
      writeBatchSize: 128,
      ...changes,
    };
  }

  /** As an engine worker would, with the length of a text for a vector. @returns the texts that were encoded. */
  async function encodeAll(given: readonly string[], changes: Partial<DatasetEncodingParts> = {}) {
    const encoding = await DatasetEncoding.open(parts(given, changes));
    const units: string[][] = [];
    for (let unit = await encoding.next(); unit !== null; unit = await encoding.next()) {
      const { texts } = unit.inputs as TextInputs;
      units.push(texts);
      await encoding.keep(
        unit.keys,
        texts.map((input) => Float32Array.of(input.length, 1)),
      );
    }
    await encoding.close();
    return { units, encoding };
  }

  it('dataset-encoding: a text is encoded once, wherever and how often it stands', async () => {
    const { units, encoding } = await encodeAll(['a', 'bb', 'a', '  ', 'bb ', 'ccc']);
    expect(units).toEqual([['a', 'bb', 'ccc']]);
    expect(encoding.count).toEqual({ total: 5, done: 5 });
    expect(encoding.dimensions).toBe(2);
    expect((await encodeAll(['ccc', 'a'])).units).toEqual([]);
  });

  it('dataset-encoding: units are as large as what is written at once', async () => {
    const texts = ['a', 'b', 'c', 'd', 'e'];
    const write = vi.spyOn(database, 'transaction');
    const { units } = await encodeAll(texts, { writeBatchSize: 2 });
    expect(units).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(write.mock.calls.filter(([, mode]) => mode === 'readwrite')).toHaveLength(3);
  });

  it('dataset-encoding: what was kept before it was left is not encoded again', async () => {
    const encoding = await DatasetEncoding.open(parts(['a', 'b', 'c']));
    const unit = await encoding.next();
    expect(await encoding.keep(unit?.keys.slice(0, 1) ?? [], [Float32Array.of(1)])).toEqual({
      total: 3,
      done: 1,
    });
    await encoding.close();
    expect((await encodeAll(['a', 'b', 'c'])).units).toEqual([['b', 'c']]);
  });

  it('dataset-encoding: another encoder is another vector', async () => {
    await encodeAll(['a']);
    expect((await encodeAll(['a'], { revision: 'other' })).units).toEqual([['a']]);
    expect(await database.count('cachedVectors')).toBe(2);
  });

  it.each([false, true])(
    'dataset-encoding: a damaged vector goes and is made anew, gzip %s',
    async (compress) => {
      await encodeAll(['a', 'b'], { compress });
      const [row] = await database.getAll('cachedVectors');
      if (row === undefined) throw new Error('Nothing was kept.');
      const bytes = row.bytes.slice(0);
      new Uint8Array(bytes).fill(0x55, 10);
      await database.put('cachedVectors', { ...row, bytes });
      expect((await encodeAll(['a', 'b'], { compress })).units.flat()).toHaveLength(1);
      expect((await database.get('cachedVectors', row.key))?.bytes).toEqual(row.bytes);
    },
  );

  it('dataset-encoding: where nothing can be kept it ends, and says why', async () => {
    const full = new DOMException('full', 'QuotaExceededError');
    const store = {
      budgetBytes: null,
      overdue: false,
      read: (keys: readonly string[]) => Promise.resolve(keys.map(() => undefined)),
      known: () => Promise.resolve(new Set<string>()),
      write: () => Promise.reject(full),
      forget: () => Promise.resolve(),
      sizes: () => Promise.resolve(new Map<string, never>()),
      clear: () => Promise.resolve(),
    };
    const { ValueCache } = await import('../caches/value-cache');
    const off = new ValueCache(store, { what: 'Vectors', warn: () => undefined });
    const texts = ['a', 'b', 'c'];
    await expect(encodeAll(texts, { cache: off, writeBatchSize: 1 })).rejects.toMatchObject({
      code: 'storage.unavailable',
      message: expect.stringContaining('No room left for vectors') as string,
    });
  });
});
