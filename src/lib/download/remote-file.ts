// A file of a server as a Blob whose bytes are fetched by ranges when a slice of it is read: the whole would be gigabytes. It
// keeps nothing. As a Blob of its own it is empty, so every way to its bytes is here; copies of it (structured clone) have none.

export type ReadRange = (start: number, end: number) => Promise<ArrayBuffer>;

const PIECE_BYTES = 2 ** 20;

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

  /** As a Blob's: negative offsets count from the end. */
  override slice(start = 0, end = this.size): Blob {
    const inside = (at: number): number => Math.min(this.size, Math.max(0, at < 0 ? this.size + at : at));
    const from = inside(start);
    const to = Math.max(from, inside(end));
    return new RemoteFile(to - from, this.#read, this.#start + from);
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    return this.size === 0 ? new ArrayBuffer(0) : this.#read(this.#start, this.#end);
  }

  override async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await this.arrayBuffer());
  }

  override async text(): Promise<string> {
    return new TextDecoder().decode(await this.arrayBuffer());
  }

  /** In pieces of a mebibyte, each asked for when the one before it was taken. */
  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    let at = 0;
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: async (controller) => {
          const next = Math.min(at + PIECE_BYTES, this.size);
          if (next > at) controller.enqueue(new Uint8Array(await this.slice(at, next).arrayBuffer()));
          at = next;
          if (at === this.size) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }
}

/** Files behind one another as one: a Blob made of remote files would be empty. */
export function joinRemote(parts: readonly Blob[]): Blob {
  const sizeBytes = parts.reduce((sum, { size }) => sum + size, 0);
  return new RemoteFile(sizeBytes, async (start, end) => {
    const joined = new Uint8Array(end - start);
    let before = 0;
    for (const part of parts) {
      const from = Math.max(start - before, 0);
      const to = Math.min(end - before, part.size);
      if (from < to) {
        joined.set(new Uint8Array(await part.slice(from, to).arrayBuffer()), before + from - start);
      }
      before += part.size;
    }
    return joined.buffer;
  });
}
