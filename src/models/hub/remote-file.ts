// A file of a server as a Blob whose bytes are fetched by ranges when a slice of it is read. Only slices can be read: the whole
// would be gigabytes. It keeps nothing.

export type ReadRange = (start: number, end: number) => Promise<ArrayBuffer>;

export class RemoteFile extends Blob {
  readonly #start: number;
  readonly #end: number;
  readonly #read: ReadRange;

  /** @param read bytes from `start` up to, not including, `end` of the file. */
  constructor(sizeBytes: number, read: ReadRange, start = 0) {
    super([]);
    this.#start = start;
    this.#end = start + sizeBytes;
    this.#read = read;
  }

  override get size(): number {
    return this.#end - this.#start;
  }

  /** Both from the start; the negative offsets of a Blob are not for a file of this kind. */
  override slice(start = 0, end = this.size): Blob {
    const from = Math.min(this.size, Math.max(0, start));
    const to = Math.min(this.size, Math.max(from, end));
    return new RemoteFile(to - from, this.#read, this.#start + from);
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    return this.size === 0 ? new ArrayBuffer(0) : this.#read(this.#start, this.#end);
  }

  override async text(): Promise<string> {
    return new TextDecoder().decode(await this.arrayBuffer());
  }
}
