import { afterEach, describe, expect, test, vi } from 'vitest';
import { MemoryBlobStore } from '../lib/storage/memory-blob-store';
import { openStorage } from './open-storage';

function refuseDatabase(): void {
  const open = () => {
    throw new DOMException('Refused.', 'SecurityError');
  };
  vi.stubGlobal('indexedDB', { open });
}

afterEach(() => vi.unstubAllGlobals());

describe('open storage', () => {
  test('open storage: a database that fails beside files that are kept is a fault', async () => {
    refuseDatabase();
    const files = Object.assign(new MemoryBlobStore(), { kind: 'opfs' as const });
    await expect(openStorage(() => Promise.resolve(files))).rejects.toMatchObject({
      code: 'storage.unavailable',
    });
  });

  test('open storage: where everything is refused, a database in memory', async () => {
    refuseDatabase();
    const { database, kept } = await openStorage(() => Promise.resolve(new MemoryBlobStore()));
    expect(kept).toBe(false);
    await database.put('documents', { words: 3 }, 'note');
    expect(await database.get('documents', 'note')).toEqual({ words: 3 });
    database.close();
  });
});
