// Which store a browser gets: what it refuses, at opening or at the first write, is passed over.
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openBlobStore } from '../../src/lib/storage/open-blob-store';

afterEach(() => vi.restoreAllMocks());

const fresh = () => openBlobStore(`fallback-${crypto.randomUUID()}`);
const refusal = () => new DOMException('private mode', 'SecurityError');

describe('openBlobStore', () => {
  test('openBlobStore: the private file system where there is one', async () => {
    expect((await fresh()).kind).toBe('opfs');
  });

  test('openBlobStore: refused at opening, IndexedDB; the file is there and the probe is gone', async () => {
    vi.spyOn(navigator.storage, 'getDirectory').mockRejectedValue(refusal());
    const store = await fresh();
    expect(store.kind).toBe('indexeddb');
    await store.write('a', new Uint8Array([1]));
    expect(await store.list('')).toEqual([{ path: 'a', sizeBytes: 1 }]);
  });

  test('openBlobStore: refused at the first write, IndexedDB', async () => {
    vi.spyOn(FileSystemFileHandle.prototype, 'createWritable').mockRejectedValue(refusal());
    if ('createSyncAccessHandle' in FileSystemFileHandle.prototype) {
      vi.spyOn(FileSystemFileHandle.prototype, 'createSyncAccessHandle').mockRejectedValue(refusal());
    }
    expect((await fresh()).kind).toBe('indexeddb');
  });

  test('openBlobStore: both refused, memory, which works', async () => {
    vi.spyOn(navigator.storage, 'getDirectory').mockRejectedValue(refusal());
    vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw refusal();
    });
    const store = await fresh();
    expect(store.kind).toBe('memory');
    await store.write('a', new Blob(['kept']));
    expect(await (await store.read('a'))?.text()).toBe('kept');
  });
});
