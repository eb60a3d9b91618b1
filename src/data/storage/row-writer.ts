// Writes rows into chunk files of a fresh folder; at most one chunk is in memory. The caller removes the folder when
// anything fails, and puts the dataset's record last.
import type { BlobStore } from '../../lib/storage/blob-store';
import type { Row } from '../reading/row-event';
import { chunkPath, INDEX_FIELDS } from './dataset-files';

export const CHUNK_BYTES = 4 << 20;

export class RowWriter {
  readonly #blobs: BlobStore;
  readonly #folder: string;
  readonly #chunkBytes: number;
  readonly #utf8 = new TextEncoder();
  readonly #index = new IndexBuilder();
  #lines: Uint8Array<ArrayBuffer>[] = [];
  #pendingBytes = 0;
  #chunk = 0;
  #writtenBytes = 0;

  constructor(blobs: BlobStore, folder: string, chunkBytes = CHUNK_BYTES) {
    this.#blobs = blobs;
    this.#folder = folder;
    this.#chunkBytes = chunkBytes;
  }

  /** @param isSample rows that are none under the present format are kept for another one. */
  async add(row: Row, isSample: boolean): Promise<void> {
    const line = this.#utf8.encode(`${JSON.stringify(row)}\n`);
    if (isSample) this.#index.add(this.#chunk, this.#pendingBytes, line.length);
    this.#lines.push(line);
    this.#pendingBytes += line.length;
    if (this.#pendingBytes >= this.#chunkBytes) await this.#flush();
  }

  /** Of the samples so far only these, as numbers in ascending order: rows of the others are kept. */
  choose(numbers: readonly number[]): void {
    this.#index.choose(numbers);
  }

  /** @returns bytes written, the index among them. */
  async finish(indexPath: string): Promise<number> {
    await this.#flush();
    const index = this.#index.bytes();
    await this.#blobs.write(indexPath, index);
    return this.#writtenBytes + index.length;
  }

  async #flush(): Promise<void> {
    if (this.#lines.length === 0) return;
    await this.#blobs.write(chunkPath(this.#folder, this.#chunk), new Blob(this.#lines));
    this.#writtenBytes += this.#pendingBytes;
    this.#chunk++;
    this.#lines = [];
    this.#pendingBytes = 0;
  }
}

/** Twelve bytes for each sample, in an array that doubles. */
export class IndexBuilder {
  #values = new Uint32Array(3 * 1024);
  #length = 0;

  get samples(): number {
    return this.#length / INDEX_FIELDS;
  }

  add(chunk: number, offset: number, length: number): void {
    if (this.#length + INDEX_FIELDS > this.#values.length) {
      const larger = new Uint32Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values.set([chunk, offset, length], this.#length);
    this.#length += INDEX_FIELDS;
  }

  choose(numbers: readonly number[]): void {
    const chosen = new Uint32Array(numbers.length * INDEX_FIELDS);
    numbers.forEach((number, i) => {
      const from = number * INDEX_FIELDS;
      chosen.set(this.#values.subarray(from, from + INDEX_FIELDS), i * INDEX_FIELDS);
    });
    this.#values = chosen;
    this.#length = chosen.length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#values.slice(0, this.#length).buffer);
  }
}
