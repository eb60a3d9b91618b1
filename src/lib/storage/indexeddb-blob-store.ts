// A blob store in its own IndexedDB database, for browsers without OPFS. A transaction makes a write atomic; the
// browser keeps Blobs on disk and reads them lazily.
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import {
  absentFile,
  byPath,
  fileFolderConflict,
  foldersAbove,
  parseBlobFolder,
  parseBlobPath,
} from './blob-path';
import { sizeOf, toBlob, type BlobContent } from './blob-content';
import type { BlobEntry, BlobStore } from './blob-store';
import { isQuotaError, quotaError } from './quota';

interface FilesSchema extends DBSchema {
  files: { key: string; value: { path: string; sizeBytes: number; blob: Blob } };
}
type Files = IDBPDatabase<FilesSchema>;

export class IndexedDbBlobStore implements BlobStore {
  readonly kind = 'indexeddb';
  readonly #database: Files;
  readonly #collect: (content: BlobContent) => Promise<Blob>;

  private constructor(database: Files, collect: (content: BlobContent) => Promise<Blob>) {
    this.#database = database;
    this.#collect = collect;
  }

  static async open(
    name: string,
    collect: (content: BlobContent) => Promise<Blob> = toBlob,
  ): Promise<IndexedDbBlobStore> {
    const database = await openDB<FilesSchema>(name, 1, {
      upgrade: (fresh) => void fresh.createObjectStore('files', { keyPath: 'path' }),
      blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
    });
    return new IndexedDbBlobStore(database, collect);
  }

  async write(path: string, content: BlobContent): Promise<void> {
    const above = foldersAbove(parseBlobPath(path));
    try {
      // Collected before the transaction opens: one that waits for anything else commits by itself.
      const blob = await this.#collect(content);
      await this.#replace(path, above, blob);
    } catch (error) {
      throw isQuotaError(error) ? await quotaError(path, sizeOf(content), error) : error;
    }
  }

  async read(path: string): Promise<Blob | null> {
    parseBlobPath(path);
    return (await this.#database.get('files', path))?.blob ?? null;
  }

  async move(path: string, target: string): Promise<void> {
    const blob = await this.read(path);
    if (blob === null) throw absentFile(path);
    // The browser keeps one copy of a Blob that several records hold.
    await this.#replace(target, foldersAbove(parseBlobPath(target)), blob);
    await this.#database.delete('files', path);
  }

  async list(folder: string): Promise<BlobEntry[]> {
    parseBlobFolder(folder);
    const files = await this.#database.getAll('files', folder === '' ? null : below(folder));
    return files.map(({ path, sizeBytes }) => ({ path, sizeBytes })).sort(byPath);
  }

  async remove(path: string): Promise<void> {
    parseBlobPath(path);
    const transaction = this.#database.transaction('files', 'readwrite');
    await Promise.all([
      transaction.store.delete(path),
      transaction.store.delete(below(path)),
      transaction.done,
    ]);
  }

  close(): void {
    this.#database.close();
  }

  async #replace(path: string, above: string[], blob: Blob): Promise<void> {
    const transaction = this.#database.transaction('files', 'readwrite');
    const { store } = transaction;
    const checks = [...above.map((folder) => store.getKey(folder)), store.getKey(below(path))];
    const conflict = (await Promise.all(checks)).find((key) => key !== undefined);
    if (conflict === undefined) await store.put({ path, sizeBytes: blob.size, blob });
    await transaction.done;
    if (conflict !== undefined) throw fileFolderConflict(path, conflict);
  }
}

/** Every key that starts with the folder and a slash; U+FFFF sorts after all that a path may hold. */
function below(folder: string): IDBKeyRange {
  return IDBKeyRange.bound(`${folder}/`, `${folder}/\uffff`);
}
