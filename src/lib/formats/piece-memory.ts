// Memory for reading a large file piece by piece: bytes and floats of one piece at a time, used again for the next, so that
// a model of any size leaves no garbage behind. What it gives is valid until the next piece arrives, not only until it is
// asked for: what takes the pieces may have the next one on its way while it works on one.

/** Not in every browser: where it is missing, memory waits for the collector. */
type Transferable = Partial<Pick<ArrayBuffer, 'transfer'>>;

export class PieceMemory {
  #bytes: ArrayBuffer | null = null;
  #floats = new Float32Array(0);
  #ordered = new Float32Array(0);

  /** A part of a file. */
  async bytes(file: Blob, begin: number, end: number): Promise<ArrayBuffer> {
    const bytes = await file.slice(begin, end).arrayBuffer();
    this.#release();
    this.#bytes = bytes;
    return bytes;
  }

  /** Room for what the bytes are decoded to. Not cleared. */
  floats(count: number): Float32Array<ArrayBuffer> {
    if (this.#floats.length < count) this.#floats = new Float32Array(count);
    return this.#floats.subarray(0, count);
  }

  /** Room for the same numbers in another order. Not cleared. */
  ordered(count: number): Float32Array<ArrayBuffer> {
    if (this.#ordered.length < count) this.#ordered = new Float32Array(count);
    return this.#ordered.subarray(0, count);
  }

  /** Gives the bytes of the last piece back at once, instead of when the collector comes round. */
  #release(): void {
    (this.#bytes as Transferable | null)?.transfer?.(0);
    this.#bytes = null;
  }
}
