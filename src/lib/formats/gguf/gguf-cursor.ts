// Reads a Blob from its start through a window of a megabyte, so that a header of any length costs one window of memory.
// Every read is checked against the end of the file and against the most that a header may take.
import { badGguf, truncatedGguf } from './gguf-faults';

const WINDOW_BYTES = 1 << 20;
/** The format has no limit. Real headers, with vocabularies of a quarter million tokens, stay below 20 MB. */
export const MAX_HEADER_BYTES = 100_000_000;

export class GgufCursor {
  readonly #file: Blob;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #window = new DataView(new ArrayBuffer(0));
  /** Offset in the file of the window's first byte. */
  #start = 0;
  #position = 0;

  constructor(file: Blob) {
    this.#file = file;
  }

  /** Bytes from the start of the file. */
  get position(): number {
    return this.#position;
  }

  /** Bytes to the end of the file. */
  get remaining(): number {
    return this.#file.size - this.#position;
  }

  /** True where that many bytes can be taken at once; callers in long loops ask before they await. */
  has(bytes: number): boolean {
    return this.#position + bytes <= this.#start + this.#window.byteLength;
  }

  /** Makes the next bytes available. @throws AppError `model.truncated`, `model.bad-header`. */
  async fill(bytes: number, what: string): Promise<void> {
    if (this.has(bytes)) return;
    if (this.#position + bytes > MAX_HEADER_BYTES) {
      throw badGguf(`${what} ends beyond the ${MAX_HEADER_BYTES} bytes that a header may take`);
    }
    if (bytes > this.remaining) {
      throw truncatedGguf(
        `${what} needs ${bytes} bytes at ${this.#position}, the file has ${this.#file.size}`,
        {
          sizeBytes: this.#file.size,
        },
      );
    }
    const end = Math.min(this.#position + Math.max(bytes, WINDOW_BYTES), this.#file.size);
    this.#window = new DataView(await this.#file.slice(this.#position, end).arrayBuffer());
    this.#start = this.#position;
  }

  /** The view and the place in it of the next bytes, which were filled before; moves past them. */
  take(bytes: number): { view: DataView<ArrayBuffer>; at: number } {
    const at = this.#position - this.#start;
    this.#position += bytes;
    return { view: this.#window, at };
  }

  async uint32(what: string): Promise<number> {
    if (!this.has(4)) await this.fill(4, what);
    const { view, at } = this.take(4);
    return view.getUint32(at, true);
  }

  /** A count or size. @throws AppError `model.bad-header` beyond 2^53 or above `most`. */
  async size(what: string, most = Number.MAX_SAFE_INTEGER): Promise<number> {
    if (!this.has(8)) await this.fill(8, what);
    const { view, at } = this.take(8);
    const value = view.getBigUint64(at, true);
    if (value > BigInt(most)) throw badGguf(`${what} is ${value}, at most ${most} can be`);
    return Number(value);
  }

  /** A string that lies in the window as a whole, without waiting; null otherwise, and `string` tells what is wrong. */
  stringHere(): string | null {
    if (!this.has(8)) return null;
    const at = this.#position - this.#start;
    const length = this.#window.getUint32(at, true);
    if (this.#window.getUint32(at + 4, true) !== 0 || !this.has(8 + length)) return null;
    try {
      const bytes = new Uint8Array(this.#window.buffer, this.#window.byteOffset + at + 8, length);
      const text = shortText(bytes) ?? this.#utf8.decode(bytes);
      this.#position += 8 + length;
      return text;
    } catch {
      return null;
    }
  }

  async string(what: string, most = MAX_HEADER_BYTES): Promise<string> {
    const length = await this.size(`the length of ${what}`, most);
    if (!this.has(length)) await this.fill(length, what);
    const { view, at } = this.take(length);
    try {
      return this.#utf8.decode(new Uint8Array(view.buffer, view.byteOffset + at, length));
    } catch {
      throw badGguf(`${what} is not UTF-8 text`);
    }
  }
}

const units: number[] = [];

/**
 * UTF-8 of a few characters below U+0800, what nearly all of a vocabulary is: to call a decoder for each of a hundred
 * thousand strings takes many times longer. null where something else is there, right or wrong.
 */
function shortText(bytes: Uint8Array): string | null {
  if (bytes.length > 64) return null;
  units.length = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i] ?? 0;
    if (byte < 0x80) {
      units.push(byte);
      continue;
    }
    i += 1;
    const next = bytes[i] ?? 0;
    // Below 0xc2 it would be longer than it has to be, which is not valid.
    if (byte < 0xc2 || byte > 0xdf || (next & 0xc0) !== 0x80) return null;
    units.push(((byte & 0x1f) << 6) | (next & 0x3f));
  }
  return String.fromCharCode(...units);
}
