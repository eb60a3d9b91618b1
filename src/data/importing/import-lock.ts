// Keeps the cleaning of left-over folders away from imports that are under way, also those of other tabs: imports share
// a lock, cleaning wants it alone.
import type { Database } from '../../core/database';
import type { BlobStore } from '../../lib/storage/blob-store';

/** The part of `navigator.locks` that is used; null where the browser has none. */
export type ImportLocks = Pick<LockManager, 'request'> | null;

const NAME = 'fragua-dataset-import';

/** @returns gives the lock back. */
export function holdImportLock(locks: ImportLocks): Promise<() => void> {
  if (locks === null) return Promise.resolve(() => undefined);
  return new Promise((resolve, reject) => {
    const held = locks.request(
      NAME,
      { mode: 'shared' },
      () => new Promise<void>((release) => resolve(release)),
    );
    held.catch(reject);
  });
}

/** Removes folders of imports that were killed before their record was put. Without locks nothing is removed. */
export async function removeLeftovers(
  database: Database,
  blobs: BlobStore,
  locks: ImportLocks,
): Promise<string[]> {
  if (locks === null) return [];
  return locks.request(NAME, { ifAvailable: true }, async (lock) => {
    if (lock === null) return [];
    const known = new Set((await database.getAll('datasets')).map(({ folder }) => folder));
    const found = (await blobs.list('datasets')).map(({ path }) => path.split('/').slice(0, 2).join('/'));
    const leftovers = [...new Set(found)].filter((folder) => !known.has(folder));
    for (const folder of leftovers) await blobs.remove(folder);
    return leftovers;
  });
}
