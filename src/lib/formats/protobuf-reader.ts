// The wire format of protocol buffers, reading only, straight from a Blob: fields are walked through a small window, and what
// is long is skipped by its length, so that a file of gigabytes costs a window of memory. Every length is held against what
// it lies in before it is followed. https://protobuf.dev/programming-guides/encoding
const WINDOW_BYTES = 1 << 16;
const MAX_VARINT_BYTES = 10;
/** A tag and a length, or a tag and a number. */
const MAX_HEAD_BYTES = 2 * MAX_VARINT_BYTES;
const MAX_UINT64 = (1n << 64n) - 1n;

/** How the format that is written in it complains. */
export interface ProtobufFaults {
  bad: (fact: string) => Error;
  truncated: (fact: string) => Error;
}

export interface ProtobufField {
  number: number;
  /** null for a field of bytes: text, a message, packed numbers. */
  value: bigint | null;
  /** Bytes of the file that it takes, without its head. */
  start: number;
  end: number;
}

/** Reads a number as int32, int64 and enum have it: negative ones as two's complement. */
export const signed = (value: bigint): bigint => BigInt.asIntN(64, value);

export class ProtobufReader {
  readonly #file: Blob;
  readonly #faults: ProtobufFaults;
  readonly #maxFields: number;
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #window = new Uint8Array(0);
  /** Offset in the file of the window's first byte. */
  #start = 0;
  #seen = 0;

  /** @param maxFields that may be walked in all: a file of nothing but tags would take for ever. */
  constructor(file: Blob, faults: ProtobufFaults, maxFields: number) {
    this.#file = file;
    this.#faults = faults;
    this.#maxFields = maxFields;
  }

  /** The fields of the message that lies from `start` to `end`; of the file where these are left out. */
  async *fields(start = 0, end = this.#file.size): AsyncGenerator<ProtobufField, void> {
    let at = start;
    while (at < end) {
      if ((this.#seen += 1) > this.#maxFields) {
        throw this.#faults.bad(`it has more than ${this.#maxFields} fields`);
      }
      await this.#need(at, Math.min(MAX_HEAD_BYTES, end - at));
      const field = this.#fieldAt(at, end);
      yield field;
      at = field.end;
    }
  }

  /** @throws what `bad` gives for a field that is longer than `most`, or a number. */
  async bytes({ value, start, end }: ProtobufField, what: string, most: number): Promise<Uint8Array> {
    if (value !== null) throw this.#faults.bad(`${what} is a number`);
    if (end - start > most) {
      throw this.#faults.bad(`${what} takes ${end - start} bytes, at most ${most} can be`);
    }
    await this.#need(start, end - start);
    return this.#window.subarray(start - this.#start, end - this.#start);
  }

  /** @param most bytes. @throws what `bad` gives where it is no text, or too long. */
  async text(field: ProtobufField, what: string, most: number): Promise<string> {
    const bytes = await this.bytes(field, what, most);
    try {
      return this.#utf8.decode(bytes);
    } catch {
      throw this.#faults.bad(`${what} is not UTF-8 text`);
    }
  }

  /** A repeated number: one of them, or several that are packed. @param most numbers. */
  async integers(field: ProtobufField, what: string, most: number): Promise<bigint[]> {
    if (field.value !== null) return [signed(field.value)];
    await this.bytes(field, what, most * MAX_VARINT_BYTES);
    const values: bigint[] = [];
    for (let at = field.start; at < field.end;) {
      const { value, next } = this.#varint(at, field.end);
      values.push(signed(value));
      at = next;
    }
    return values;
  }

  #fieldAt(at: number, end: number): ProtobufField {
    const tag = this.#varint(at, end);
    const [number, wire] = [Number(tag.value >> 3n), Number(tag.value & 7n)];
    if (number === 0) throw this.#faults.bad(`the field at byte ${at} has the number 0`);
    switch (wire) {
      case 0: {
        const { value, next } = this.#varint(tag.next, end);
        return { number, value, start: tag.next, end: next };
      }
      case 1:
        return this.#fixed(number, tag.next, 8, end);
      case 2: {
        const { value: length, next } = this.#varint(tag.next, end);
        const beyond = BigInt(next) + length > BigInt(end);
        if (beyond) throw this.#tooLong(at, length, end);
        return { number, value: null, start: next, end: next + Number(length) };
      }
      case 5:
        return this.#fixed(number, tag.next, 4, end);
      default:
        throw this.#faults.bad(`the field at byte ${at} is of the unknown kind ${wire}`);
    }
  }

  /** What lies in the file itself was cut; what lies in a message contradicts it. */
  #tooLong(at: number, length: bigint, end: number): Error {
    const { size } = this.#file;
    return end === size
      ? this.#faults.truncated(`the field at byte ${at} needs ${length} bytes, the file has ${size}`)
      : this.#faults.bad(`the field at byte ${at} has ${length} bytes, what it lies in ends at byte ${end}`);
  }

  #fixed(number: number, start: number, bytes: number, end: number): ProtobufField {
    if (start + bytes > end) throw this.#tooLong(start, BigInt(bytes), end);
    const at = start - this.#start;
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(this.#window[at + i] ?? 0);
    return { number, value, start, end: start + bytes };
  }

  /** Seven bits a byte, lowest first. What it takes lies in the window. */
  #varint(at: number, end: number): { value: bigint; next: number } {
    let value = 0n;
    for (let i = 0; i < MAX_VARINT_BYTES; i += 1) {
      if (at + i >= end) throw this.#tooLong(at, BigInt(i + 1), end);
      const byte = this.#window[at + i - this.#start] ?? 0;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) {
        if (value > MAX_UINT64) break;
        return { value, next: at + i + 1 };
      }
    }
    throw this.#faults.bad(`the number at byte ${at} has more than 64 bits`);
  }

  async #need(at: number, bytes: number): Promise<void> {
    if (at >= this.#start && at + bytes <= this.#start + this.#window.length) return;
    const end = Math.min(at + Math.max(bytes, WINDOW_BYTES), this.#file.size);
    this.#window = new Uint8Array(await this.#file.slice(at, end).arrayBuffer());
    this.#start = at;
  }
}
