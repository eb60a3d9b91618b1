// Files that grow in any order and become whole later: what a download writes into. Two implementations: in place in the
// origin private file system, and in pieces over any blob store (tests/contract/partial-files.test.ts).

export interface PartialFile {
  /**
   * Bytes that were written before may come again, as long as they are the same bytes.
   * @throws a quota error (`isQuotaError`) where there is no room.
   */
  write(at: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** After it, what was written survives the end of the tab. */
  flush(): Promise<void>;
  /** Others may open it again. Flushes. */
  close(): Promise<void>;
}

export interface PartialFiles {
  /**
   * Makes it where there is none; keeps what it has where there is one.
   * @throws AppError `storage.busy` while another tab has it open.
   */
  open(path: string): Promise<PartialFile>;
  /** The first `sizeBytes` of it, read lazily; null where there is none. It must not be open. */
  read(path: string, sizeBytes: number): Promise<Blob | null>;
  /** Puts the first `sizeBytes` under another path of the store at once, and the partial file is gone. */
  publish(path: string, sizeBytes: number, target: string): Promise<void>;
  remove(path: string): Promise<void>;
}
