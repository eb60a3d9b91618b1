import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { describe, expect, it } from 'vitest';
import { openDatabase } from './database';

describe('database', () => {
  it('database: an upgrade keeps what the version before stored, and adds the stores of this one', async () => {
    const name = crypto.randomUUID();
    const current = await openDatabase(name);
    const stores = [...current.objectStoreNames];
    current.close();
    const older = await openDB(`${name}-2`, 2, {
      upgrade(database) {
        for (const store of stores.filter((known) => known !== 'cachedVectors')) {
          const keyPath = ['documents', 'vault', 'folders'].includes(store) ? null : 'key';
          database.createObjectStore(store, { keyPath });
        }
      },
    });
    const row = { key: 'k', datasetId: 'd', bytes: new ArrayBuffer(4), size: 4, gzip: false, usedAt: 7 };
    await older.put('cachedTokens', row);
    await older.put('documents', { theme: 'dark' }, 'settings');
    older.close();

    const upgraded = await openDatabase(`${name}-2`);
    expect([...upgraded.objectStoreNames]).toEqual(stores);
    expect(await upgraded.get('cachedTokens', 'k')).toEqual(row);
    expect(await upgraded.get('documents', 'settings')).toEqual({ theme: 'dark' });
    await upgraded.put('cachedVectors', row);
    expect(await upgraded.count('cachedVectors')).toBe(1);
    upgraded.close();
  });

  it('database: the oldest version gets all stores', async () => {
    const name = crypto.randomUUID();
    const first = await openDB(name, 1, {
      upgrade(database) {
        for (const store of ['models', 'adapters', 'datasets', 'runs', 'checkpoints', 'conversations'])
          database.createObjectStore(store, { keyPath: 'id' });
        for (const store of ['documents', 'vault']) database.createObjectStore(store);
        database.createObjectStore('runMetrics', { keyPath: ['runId', 'kind', 'step'] });
        database.createObjectStore('responses', { keyPath: 'key' });
      },
    });
    await first.put('datasets', { id: 'd' });
    first.close();
    const upgraded = await openDatabase(name);
    expect(await upgraded.get('datasets', 'd')).toEqual({ id: 'd' });
    expect([...upgraded.objectStoreNames]).toContain('cachedVectors');
    expect([...upgraded.objectStoreNames]).toContain('backends');
    upgraded.close();
  });
});
