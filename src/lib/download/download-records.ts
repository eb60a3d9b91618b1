// What is known of a download between sessions: which bytes are safely in the partial file, and of which version of the
// remote file they are. Records are put after their bytes are flushed, so they may lag behind the file, never lead it.
import type { ByteRange } from './byte-ranges';
import type { Checksum } from './checksum';

export interface DownloadRecord {
  /** One download at a time has it. */
  id: string;
  /** Where it is from, without secrets. */
  url: string;
  /** Path in the blob store that it will have. */
  target: string;
  /** null until the server told. */
  sizeBytes: number | null;
  /** Version of the remote file, as the server names it; null where it does not. */
  etag: string | null;
  checksum: Checksum | null;
  ranges: ByteRange[];
  /** All bytes are here and are the right ones; only the move to the target may be missing. */
  verified: boolean;
  /** Milliseconds since the epoch. */
  updatedAt: number;
}

export interface DownloadRecords {
  get(id: string): Promise<DownloadRecord | null>;
  put(record: DownloadRecord): Promise<void>;
  delete(id: string): Promise<void>;
}

/** For tests, and where the browser keeps nothing. */
export class MemoryDownloadRecords implements DownloadRecords {
  readonly #records = new Map<string, DownloadRecord>();

  get(id: string): Promise<DownloadRecord | null> {
    const record = this.#records.get(id);
    return Promise.resolve(record === undefined ? null : structuredClone(record));
  }

  put(record: DownloadRecord): Promise<void> {
    this.#records.set(record.id, structuredClone(record));
    return Promise.resolve();
  }

  delete(id: string): Promise<void> {
    this.#records.delete(id);
    return Promise.resolve();
  }
}
