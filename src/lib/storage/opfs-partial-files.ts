// Partial files written in place in the origin private file system, through a synchronous handle: workers only. They lie
// among the store's files under their own paths; becoming whole is a move. A handle belongs to who opened the file.
import { AppError } from '../errors';
import type { OpfsBlobStore } from './opfs-blob-store';
import { writeWhole } from './opfs-writer';
import type { PartialFile, PartialFiles } from './partial-files';

export class OpfsPartialFiles implements PartialFiles {
  readonly #store: OpfsBlobStore;

  constructor(store: OpfsBlobStore) {
    this.#store = store;
  }

  async open(path: string): Promise<PartialFile> {
    const file = await this.#store.fileHandle(path);
    try {
      return new OpfsPartialFile(await file.createSyncAccessHandle());
    } catch (cause) {
      if (!(cause instanceof DOMException) || cause.name !== 'NoModificationAllowedError') throw cause;
      throw new AppError('storage.busy', `"${path}" is being written elsewhere.`, {
        details: { path },
        remedy: 'Another tab is at it: let it finish there, or close that tab.',
        cause,
      });
    }
  }

  async read(path: string, sizeBytes: number): Promise<Blob | null> {
    return (await this.#store.read(path))?.slice(0, sizeBytes) ?? null;
  }

  async publish(path: string, sizeBytes: number, target: string): Promise<void> {
    const file = await this.#store.fileHandle(path);
    const handle = await file.createSyncAccessHandle();
    handle.truncate(sizeBytes);
    handle.flush();
    handle.close();
    await this.#store.move(path, target);
  }

  remove(path: string): Promise<void> {
    return this.#store.remove(path);
  }
}

class OpfsPartialFile implements PartialFile {
  readonly #handle: FileSystemSyncAccessHandle;

  constructor(handle: FileSystemSyncAccessHandle) {
    this.#handle = handle;
  }

  write(at: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return settle(() => void writeWhole(this.#handle, bytes, at));
  }

  flush(): Promise<void> {
    return settle(() => this.#handle.flush());
  }

  close(): Promise<void> {
    return settle(() => {
      try {
        this.#handle.flush();
      } finally {
        this.#handle.close();
      }
    });
  }
}

/** What the handle throws at the call becomes a rejection, as with every other store. */
function settle(call: () => void): Promise<void> {
  return Promise.resolve().then(call);
}
