// A blob store in memory: for tests and for browsers that refuse to keep anything. It ends with its realm.
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

export class MemoryBlobStore implements BlobStore {
  readonly kind = 'memory';
  readonly #files = new Map<string, Blob>();
  readonly #collect: (content: BlobContent) => Promise<Blob>;

  constructor(collect: (content: BlobContent) => Promise<Blob> = toBlob) {
    this.#collect = collect;
  }

  async write(path: string, content: BlobContent): Promise<void> {
    const above = foldersAbove(parseBlobPath(path));
    const blob = await this.#collect(content).catch(async (cause: unknown) => {
      throw isQuotaError(cause) ? await quotaError(path, sizeOf(content), cause) : cause;
    });
    const conflict =
      above.find((folder) => this.#files.has(folder)) ??
      [...this.#files.keys()].find((other) => other.startsWith(`${path}/`));
    if (conflict !== undefined) throw fileFolderConflict(path, conflict);
    this.#files.set(path, blob);
  }

  read(path: string): Promise<Blob | null> {
    return settle(() => {
      parseBlobPath(path);
      return this.#files.get(path) ?? null;
    });
  }

  async move(path: string, target: string): Promise<void> {
    const blob = await this.read(path);
    if (blob === null) throw absentFile(path);
    await this.write(target, blob);
    this.#files.delete(path);
  }

  list(folder: string): Promise<BlobEntry[]> {
    return settle(() => {
      parseBlobFolder(folder);
      const prefix = folder === '' ? '' : `${folder}/`;
      return [...this.#files]
        .filter(([path]) => path.startsWith(prefix))
        .map(([path, blob]) => ({ path, sizeBytes: blob.size }))
        .sort(byPath);
    });
  }

  remove(path: string): Promise<void> {
    return settle(() => {
      parseBlobPath(path);
      for (const other of [...this.#files.keys()]) {
        if (other === path || other.startsWith(`${path}/`)) this.#files.delete(other);
      }
    });
  }
}

/** Misuse rejects, as in the other stores, instead of throwing at the call. */
function settle<T>(call: () => T): Promise<T> {
  return Promise.resolve().then(call);
}
