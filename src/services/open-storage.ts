// What a worker keeps things in: the database and the file store of the browser, or memory where it refuses both (some
// private modes, blocked site data). Memory is this realm's own and gone with the tab; the page says so by itself.
import { openDatabase, type Database } from '../core/database';
import type { BlobStore } from '../lib/storage/blob-store';
import { openBlobStore } from '../lib/storage/open-blob-store';

export interface WorkerStorage {
  database: Database;
  blobs: BlobStore;
  /** false: it is memory, which other workers do not see. */
  kept: boolean;
}

/**
 * @param openFiles the browser's file store, or memory where it refuses that.
 * @throws AppError `storage.unavailable` where only the database fails to open: files are kept then, so that is a fault
 * and no refusal, and going on in memory would hide what is stored.
 */
export async function openStorage(
  openFiles: () => Promise<BlobStore> = openBlobStore,
): Promise<WorkerStorage> {
  const blobs = openFiles();
  const database = openDatabase().catch(async (error: unknown) => {
    if ((await blobs).kind !== 'memory') throw error;
    const { putMemoryIndexedDB } = await import('./memory-indexeddb');
    putMemoryIndexedDB();
    return openDatabase();
  });
  const [opened, store] = await Promise.all([database, blobs]);
  return { database: opened, blobs: store, kept: store.kind !== 'memory' };
}
