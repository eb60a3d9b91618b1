// A store of files by path: OPFS where the browser has it, IndexedDB or memory otherwise. One contract, three
// implementations (tests/contract/blob-store.test.ts). Paths are relative, `/`-separated, without `..`.

export interface BlobEntry {
  path: string;
  sizeBytes: number;
}

export interface BlobStore {
  /** What it stands on: shown to the user, since `memory` does not outlive the tab. */
  readonly kind: 'opfs' | 'indexeddb' | 'memory';
  /** Replaces the file atomically: after a crash it has the old content or the new, never a part. */
  write(path: string, content: Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>): Promise<void>;
  /** null where there is no such file. The Blob is read lazily; slices are cheap. */
  read(path: string): Promise<Blob | null>;
  /** Replaces `target` with the file at `path`, which is gone then; its bytes are not read. Absent is an error. */
  move(path: string, target: string): Promise<void>;
  /** Files below a folder, at any depth, sorted by path. */
  list(folder: string): Promise<BlobEntry[]>;
  /** A file, or a folder with all below it. Absent is no error. */
  remove(path: string): Promise<void>;
}
