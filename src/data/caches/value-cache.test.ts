import { describe, expect, it, vi } from 'vitest';
import type { Database } from '../../core/database';
import { memoryData } from '../testing/memory-data';
import type { DatabaseStoreOptions } from './database-store';
import { tokenCache } from './page-caches';
import type { CacheValue } from './value-cache';

const DAY = 24 * 3600 * 1000;

function value(key: string, size = 4, changes: Partial<CacheValue> = {}): CacheValue {
  return { key, datasetId: 'd', bytes: new Uint8Array(size).fill(7), compress: false, ...changes };
}

type Warn = (message: string, error: unknown) => void;

async function makeCache(options: DatabaseStoreOptions = {}) {
  const { database } = await memoryData();
  const warn = vi.fn<Warn>();
  return { database, warn, cache: tokenCache(database, { ...options, warn }) };
}

/** The database, but transactions that write end with `error`. */
function failing(database: Database, error: Error): Database {
  const open = (...args: Parameters<Database['transaction']>) => {
    const transaction = database.transaction(...args);
    if (args[1] !== 'readwrite') return transaction;
    transaction.done.catch(() => undefined);
    transaction.abort();
    return { store: { put: () => Promise.reject(new Error('aborted')) }, done: Promise.reject(error) };
  };
  return new Proxy(database, {
    get: (target, name) => (name === 'transaction' ? open : Reflect.get(target, name, target)) as unknown,
  });
}

describe('value-cache', () => {
  it('gives back what was written, also in another session, and null for what was not', async () => {
    const { cache, database } = await makeCache();
    await cache.write(value('a'));
    await cache.waitForPendingWrites();
    const later = tokenCache(database);
    expect(await later.read(['a', 'b'])).toEqual([new Uint8Array([7, 7, 7, 7]), null]);
  });

  it('tells which keys are kept, page by page', async () => {
    const { cache } = await makeCache({ keysAtOnce: 2 });
    for (const key of ['a', 'b', 'c', 'd', 'e']) await cache.write(value(key));
    await cache.waitForPendingWrites();
    expect(await cache.known(['e', 'x', 'b', 'd'])).toEqual(new Set(['b', 'd', 'e']));
    expect(await cache.known([])).toEqual(new Set());
  });

  it('gathers values into one transaction that need not be on the disk at once', async () => {
    const { cache, database } = await makeCache();
    const transactions = vi.spyOn(database, 'transaction');
    for (const key of ['a', 'b', 'c']) await cache.write(value(key, 4, { batchSize: 3 }));
    await cache.waitForPendingWrites();
    const writes = transactions.mock.calls.filter(([, mode]) => mode === 'readwrite');
    expect(writes).toEqual([['cachedTokens', 'readwrite', { durability: 'relaxed' }]]);
    expect(await database.count('cachedTokens')).toBe(3);
  });

  it('starts to write by itself once a batch is full', async () => {
    const { cache, database } = await makeCache();
    await cache.write(value('a', 4, { batchSize: 2 }));
    expect(await database.count('cachedTokens')).toBe(0);
    await cache.write(value('b', 4, { batchSize: 2 }));
    await vi.waitFor(async () => expect(await database.count('cachedTokens')).toBe(2));
  });

  it('keeps compressed values smaller', async () => {
    const { cache, database } = await makeCache();
    await cache.write(value('a', 10_000, { compress: true }));
    await cache.waitForPendingWrites();
    expect((await database.get('cachedTokens', 'a'))?.size).toBeLessThan(200);
    expect((await cache.read(['a']))[0]).toEqual(new Uint8Array(10_000).fill(7));
  });

  it('gives no bytes where gzip cannot be read', async () => {
    const { cache, database } = await makeCache();
    await database.put('cachedTokens', {
      ...{ key: 'a', datasetId: 'd', bytes: new ArrayBuffer(9), size: 9, gzip: true, usedAt: Date.now() },
    });
    expect(await cache.read(['a'])).toEqual([new Uint8Array(0)]);
  });

  it('lets the least recently used go when the budget is spent', async () => {
    let today = 0;
    const { cache, database } = await makeCache({ budgetBytes: 100, now: () => today * DAY });
    for (const key of ['a', 'b', 'c']) {
      today += 2;
      await cache.write(value(key, 30));
      await cache.waitForPendingWrites();
    }
    today += 2;
    await cache.read(['a']);
    await cache.write(value('d', 30));
    await cache.waitForPendingWrites();
    expect(await database.getAllKeys('cachedTokens')).toEqual(['a', 'c', 'd']);
  });

  it('counts what an earlier session left against the budget', async () => {
    const { cache, database } = await makeCache();
    await cache.write(value('old', 80));
    await cache.waitForPendingWrites();
    const later = tokenCache(database, { budgetBytes: 100, now: () => Date.now() + DAY });
    await later.write(value('new', 80));
    await later.waitForPendingWrites();
    expect(await database.getAllKeys('cachedTokens')).toEqual(['new']);
  });

  it('tells the first error of writing once, then goes on', async () => {
    const { database } = await makeCache();
    const cache = tokenCache(failing(database, new Error('the disk is away')));
    await cache.write(value('a'));
    await expect(cache.waitForPendingWrites()).rejects.toMatchObject({
      code: 'storage.unavailable',
      message: expect.stringContaining('the disk is away') as unknown,
    });
    await expect(cache.waitForPendingWrites()).resolves.toBeUndefined();
  });

  it('is off for the session where there is no room left, and says so once', async () => {
    const { database, warn } = await makeCache();
    const full = new DOMException('full', 'QuotaExceededError');
    const cache = tokenCache(failing(database, full), { warn });
    for (const key of ['a', 'b']) {
      await cache.write(value(key));
      await cache.waitForPendingWrites();
    }
    expect(warn).toHaveBeenCalledTimes(1);
    expect((await cache.sizes()).off).toMatch(/No room left/);
    expect(await cache.read(['a'])).toEqual([null]);
  });

  it('is off where the database refuses to be read', async () => {
    const { cache, database, warn } = await makeCache();
    database.close();
    expect(await cache.read(['a'])).toEqual([null]);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it('tells how much each dataset takes, and clears one or all', async () => {
    const { cache } = await makeCache();
    await cache.write(value('a', 8, { datasetId: 'x' }));
    await cache.write(value('b', 4, { datasetId: 'x' }));
    await cache.write(value('c', 16, { datasetId: 'y' }));
    expect((await cache.sizes()).datasets).toEqual([
      { datasetId: 'x', values: 2, bytes: 12 },
      { datasetId: 'y', values: 1, bytes: 16 },
    ]);
    await cache.clear('x');
    expect((await cache.sizes()).datasets).toEqual([{ datasetId: 'y', values: 1, bytes: 16 }]);
    await cache.clear(null);
    expect((await cache.sizes()).datasets).toEqual([]);
  });
});
