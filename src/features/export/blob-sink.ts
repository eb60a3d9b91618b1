// Pieces in, a Blob out: full pieces become Blobs, which the browser may keep on disk, so a large file is never in memory.

const PIECE_BYTES = 8 << 20;

export class BlobSink {
  readonly #pieces: Blob[] = [];
  #open: Uint8Array<ArrayBuffer>[] = [];
  #openBytes = 0;

  /** Keeps a copy: whoever gives pieces may use their memory again. */
  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    this.#open.push(new Uint8Array(chunk));
    this.#openBytes += chunk.byteLength;
    if (this.#openBytes >= PIECE_BYTES) this.#seal();
  }

  toBlob(type: string): Blob {
    this.#seal();
    return new Blob(this.#pieces, { type });
  }

  #seal(): void {
    this.#pieces.push(new Blob(this.#open));
    this.#open = [];
    this.#openBytes = 0;
  }
}
