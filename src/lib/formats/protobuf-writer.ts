// The wire format of protocol buffers, writing only: fields in the order of the calls, messages within messages. Bytes that
// are only known to exist, with their length, go in as they are and are fetched by whoever writes the file, so that a
// message may be larger than the memory. https://protobuf.dev/programming-guides/encoding
const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED_32 = 5;

/** Bytes that exist elsewhere. */
export interface Sized {
  readonly byteLength: number;
}

export type ProtobufPart<Later extends Sized> = Uint8Array<ArrayBuffer> | Later;

const utf8 = new TextEncoder();

export class ProtobufWriter<Later extends Sized> {
  readonly #parts: ProtobufPart<Later>[] = [];
  #pending: number[] = [];
  #flushedBytes = 0;

  get byteLength(): number {
    return this.#flushedBytes + this.#pending.length;
  }

  /** int32, int64, bool or enum; a negative one takes ten bytes. */
  integer(field: number, value: number | bigint): void {
    this.#tag(field, VARINT);
    this.#varint(BigInt(value));
  }

  float(field: number, value: number): void {
    this.#tag(field, FIXED_32);
    this.#pending.push(...new Uint8Array(Float32Array.of(value).buffer));
  }

  text(field: number, value: string): void {
    this.bytes(field, utf8.encode(value));
  }

  bytes(field: number, value: Uint8Array): void {
    this.#length(field, value.byteLength);
    for (const byte of value) this.#pending.push(byte);
  }

  /** A repeated integer, packed. */
  integers(field: number, values: readonly (number | bigint)[]): void {
    const packed = new ProtobufWriter<Later>();
    for (const value of values) packed.#varint(BigInt(value));
    this.#nested(field, packed);
  }

  /** A repeated float, packed. */
  floats(field: number, values: readonly number[]): void {
    this.bytes(field, new Uint8Array(Float32Array.from(values).buffer));
  }

  /** A field of bytes that whoever writes the file puts in its place. */
  later(field: number, value: Later): void {
    this.#length(field, value.byteLength);
    this.#append(value);
  }

  message(field: number, write: (message: ProtobufWriter<Later>) => void): void {
    const message = new ProtobufWriter<Later>();
    write(message);
    this.#nested(field, message);
  }

  /** What the file is made of, in order. */
  parts(): ProtobufPart<Later>[] {
    this.#flush();
    return [...this.#parts];
  }

  #nested(field: number, message: ProtobufWriter<Later>): void {
    this.#length(field, message.byteLength);
    for (const part of message.parts()) this.#append(part);
  }

  #append(part: ProtobufPart<Later>): void {
    if (part instanceof Uint8Array) {
      for (const byte of part) this.#pending.push(byte);
      return;
    }
    this.#flush();
    this.#parts.push(part);
    this.#flushedBytes += part.byteLength;
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    this.#parts.push(Uint8Array.from(this.#pending));
    this.#flushedBytes += this.#pending.length;
    this.#pending = [];
  }

  #length(field: number, byteLength: number): void {
    this.#tag(field, LENGTH_DELIMITED);
    this.#varint(BigInt(byteLength));
  }

  #tag(field: number, wireType: number): void {
    this.#varint(BigInt(field * 8 + wireType));
  }

  /** Seven bits a byte, lowest first; negative numbers as 64-bit two's complement. */
  #varint(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.#pending.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.#pending.push(Number(rest));
  }
}
