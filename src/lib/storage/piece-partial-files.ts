// Partial files over any blob store: each write is a file of its own, named by where it begins, below the partial file's
// path. Becoming whole copies them once, so it needs the room twice for a moment. The store is the caller's.
import type { BlobEntry, BlobStore } from './blob-store';
import type { PartialFile, PartialFiles } from './partial-files';

/** Small writes are joined up to this, so that a file has hundreds of pieces and not a hundred thousand. */
const PIECE_BYTES = 4 * 2 ** 20;

interface Pending {
  start: number;
  sizeBytes: number;
  parts: Uint8Array<ArrayBuffer>[];
}

export class PiecePartialFiles implements PartialFiles {
  readonly #store: BlobStore;

  constructor(store: BlobStore) {
    this.#store = store;
  }

  open(path: string): Promise<PartialFile> {
    return Promise.resolve(new PieceFile(this.#store, path));
  }

  async read(path: string, sizeBytes: number): Promise<Blob | null> {
    const pieces = byStart(await this.#store.list(path), path);
    if (pieces.length === 0) return null;
    const parts: Blob[] = [];
    let at = 0;
    for (const { start, end, path: piece } of pieces) {
      const until = Math.min(end, sizeBytes);
      if (start > at || until <= at) continue;
      const blob = await this.#store.read(piece);
      if (blob === null) continue;
      parts.push(blob.slice(at - start, until - start));
      at = until;
    }
    return new Blob(parts);
  }

  async publish(path: string, sizeBytes: number, target: string): Promise<void> {
    await this.#store.write(target, (await this.read(path, sizeBytes)) ?? new Blob([]));
    await this.#store.remove(path);
  }

  remove(path: string): Promise<void> {
    return this.#store.remove(path);
  }
}

class PieceFile implements PartialFile {
  readonly #store: BlobStore;
  readonly #path: string;
  /** Several writers go forward side by side, each at its own place. */
  #pending: Pending[] = [];

  constructor(store: BlobStore, path: string) {
    this.#store = store;
    this.#path = path;
  }

  async write(at: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    let pending = this.#pending.find(({ start, sizeBytes }) => start + sizeBytes === at);
    if (pending === undefined) {
      pending = { start: at, sizeBytes: 0, parts: [] };
      this.#pending.push(pending);
    }
    pending.parts.push(bytes.slice());
    pending.sizeBytes += bytes.byteLength;
    if (pending.sizeBytes >= PIECE_BYTES) await this.#keep(pending);
  }

  async flush(): Promise<void> {
    for (const pending of [...this.#pending]) await this.#keep(pending);
  }

  close(): Promise<void> {
    return this.flush();
  }

  /** Bytes that the store refuses are dropped: they were never announced as flushed. */
  async #keep(pending: Pending): Promise<void> {
    this.#pending = this.#pending.filter((other) => other !== pending);
    if (pending.sizeBytes === 0) return;
    await this.#store.write(`${this.#path}/${pending.start}-${pending.sizeBytes}`, new Blob(pending.parts));
  }
}

function byStart(entries: BlobEntry[], folder: string): { start: number; end: number; path: string }[] {
  return entries
    .map(({ path, sizeBytes }) => {
      const start = Number.parseInt(path.slice(folder.length + 1), 10);
      return { start, end: start + sizeBytes, path };
    })
    .sort((a, b) => a.start - b.start || b.end - a.end);
}
