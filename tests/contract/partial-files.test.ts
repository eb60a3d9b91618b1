// What every kind of partial files promises, on the browser's own storage.
import { describe, expect, test } from 'vitest';
import type { BlobStore } from '../../src/lib/storage/blob-store';
import { IndexedDbBlobStore } from '../../src/lib/storage/indexeddb-blob-store';
import { MemoryBlobStore } from '../../src/lib/storage/memory-blob-store';
import { OpfsBlobStore } from '../../src/lib/storage/opfs-blob-store';
import { PiecePartialFiles } from '../../src/lib/storage/piece-partial-files';
import { PARTIAL_FILES_CHECKS } from './partial-files-checks';

const fresh = (): string => `contract-${crypto.randomUUID()}`;
const stores: Record<BlobStore['kind'], () => Promise<BlobStore>> = {
  memory: () => Promise.resolve(new MemoryBlobStore()),
  indexeddb: () => IndexedDbBlobStore.open(fresh()),
  opfs: () => OpfsBlobStore.open(fresh()),
};

describe.each(Object.entries(stores))('partial files in pieces over %s', (_kind, open) => {
  test.each(Object.entries(PARTIAL_FILES_CHECKS))('partial files: %s', async (_name, check) => {
    const store = await open();
    await check(new PiecePartialFiles(store), store);
  });
});

describe('partial files in place in OPFS', () => {
  test.each([...Object.keys(PARTIAL_FILES_CHECKS), 'two at once'])('partial files: %s', async (name) => {
    expect(await inWorker(name)).toBeNull();
  });
});

/** null where the check passed, else why not. */
async function inWorker(name: string): Promise<string | null> {
  const worker = new Worker(new URL('./partial-files.worker.ts', import.meta.url), { type: 'module' });
  try {
    return await new Promise<string | null>((resolve, reject) => {
      worker.addEventListener('error', (event) => reject(new Error(event.message)));
      worker.addEventListener('message', ({ data }: MessageEvent<string | null>) => resolve(data));
      worker.postMessage(name);
    });
  } finally {
    worker.terminate();
  }
}
