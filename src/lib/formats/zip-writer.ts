// Writes a zip as a stream, of any size: files and archives beyond 4 GB get the format's 64-bit fields (PKWARE APPNOTE 4.3.14,
// 4.5.3), others none, so that the oldest readers open them. Sizes are said behind each file and in the directory at the end.
// Owns nothing: what it makes goes to whoever takes it.
import { Deflate } from 'fflate';
import { Crc32 } from './crc32';

/** Sizes, offsets and counts from here on have 64-bit fields of their own. */
export interface ZipLimits {
  bytes: number;
  files: number;
}

const LIMITS: ZipLimits = { bytes: 0xffff_ffff, files: 0xffff };
const STORED = 0;
const DEFLATED = 8;
/** Sizes follow the data; names are UTF-8. */
const FLAGS = 0x0808;
/** The format knows years from 1980 on; one day for all makes the same content the same file. */
const DAY = 0x0021;
const VERSION = { usual: 20, large: 45 };
const LARGE_FIELD = 1;

interface Entry {
  name: Uint8Array;
  method: number;
  /** The file, or its place, needs 64 bits. */
  isLarge: boolean;
  offset: number;
  crc: Crc32;
  size: number;
  packed: number;
}

type Field = [bytes: 2 | 4 | 8, value: number];
const u16 = (value: number): Field => [2, value];
const u32 = (value: number): Field => [4, value];
const u64 = (value: number): Field => [8, value];

/** Little-endian, after each other. */
function bytesOf(...fields: readonly Field[]): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) view.setUint16(at, value, true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

export class ZipWriter {
  readonly #take: (bytes: Uint8Array) => void;
  readonly #limits: ZipLimits;
  readonly #entries: Entry[] = [];
  #open: { entry: Entry; deflate: Deflate | null } | null = null;
  #position = 0;

  /** @param take is given every piece in turn, and may not keep it. @param limits the format's, for tests. */
  constructor(take: (bytes: Uint8Array) => void, limits = LIMITS) {
    this.#take = take;
    this.#limits = limits;
  }

  /** @param file its size is what it will have, or less than it. @throws RangeError while another file is open. */
  begin(name: string, { sizeBytes, isCompressed }: { sizeBytes: number; isCompressed: boolean }): void {
    if (this.#open !== null) throw new RangeError(`${name} was begun before the last file ended.`);
    const entry: Entry = {
      name: new TextEncoder().encode(name),
      method: isCompressed ? DEFLATED : STORED,
      isLarge: mostPacked(sizeBytes, isCompressed) >= this.#limits.bytes,
      offset: this.#position,
      crc: new Crc32(),
      ...{ size: 0, packed: 0 },
    };
    this.#write(localHeader(entry));
    this.#write(entry.name);
    if (entry.isLarge) this.#write(bytesOf(u16(LARGE_FIELD), u16(16), u64(0), u64(0)));
    const deflate = isCompressed ? new Deflate({ level: 6 }, (piece) => this.#pack(entry, piece)) : null;
    this.#open = { entry, deflate };
    this.#entries.push(entry);
  }

  /** @throws RangeError for more than was announced, where that needs other fields. */
  push(chunk: Uint8Array): void {
    const { entry, deflate } = this.#current();
    entry.size += chunk.byteLength;
    if (!entry.isLarge && entry.size >= this.#limits.bytes) {
      throw new RangeError(`A file of the zip has ${entry.size} bytes, more than was announced.`);
    }
    entry.crc.update(chunk);
    if (deflate === null) this.#pack(entry, chunk);
    else deflate.push(chunk);
  }

  /** Ends the file. */
  close(): void {
    const { entry, deflate } = this.#current();
    deflate?.push(new Uint8Array(0), true);
    const size = entry.isLarge ? u64 : u32;
    this.#write(bytesOf(u32(0x0807_4b50), u32(entry.crc.value), size(entry.packed), size(entry.size)));
    this.#open = null;
  }

  /** Writes the directory; nothing can follow. */
  end(): void {
    const start = this.#position;
    for (const entry of this.#entries) this.#directoryEntry(entry);
    const size = this.#position - start;
    const count = this.#entries.length;
    const { bytes, files } = this.#limits;
    if (start >= bytes || size >= bytes || count >= files) this.#largeEnd(count, size, start);
    const number = u16(count >= files ? 0xffff : count);
    const usual = (value: number): Field => u32(value >= bytes ? 0xffff_ffff : value);
    this.#write(bytesOf(u32(0x0605_4b50), u16(0), u16(0), number, number, usual(size), usual(start), u16(0)));
  }

  #largeEnd(count: number, size: number, start: number): void {
    const at = this.#position;
    const version = u16(VERSION.large);
    this.#write(
      bytesOf(
        ...[u32(0x0606_4b50), u64(44), version, version, u32(0), u32(0)],
        ...[u64(count), u64(count), u64(size), u64(start)],
      ),
    );
    this.#write(bytesOf(u32(0x0706_4b50), u32(0), u64(at), u32(1)));
  }

  /** Fields of 64 bits for what does not fit, in the order that the format has. */
  #directoryEntry({ name, method, isLarge, crc, size, packed, offset }: Entry): void {
    const { bytes } = this.#limits;
    const large = [size, packed, offset].filter((value) => value >= bytes);
    const usual = (value: number): Field => u32(value >= bytes ? 0xffff_ffff : value);
    const version = u16(isLarge || large.length > 0 ? VERSION.large : VERSION.usual);
    const extra = large.length === 0 ? 0 : 4 + 8 * large.length;
    this.#write(
      bytesOf(
        ...[u32(0x0201_4b50), version, version, u16(FLAGS), u16(method), u16(0), u16(DAY)],
        ...[u32(crc.value), usual(packed), usual(size), u16(name.length), u16(extra)],
        ...[u16(0), u16(0), u16(0), u32(0), usual(offset)],
      ),
    );
    this.#write(name);
    if (extra > 0) this.#write(bytesOf(u16(LARGE_FIELD), u16(extra - 4), ...large.map(u64)));
  }

  #pack(entry: Entry, piece: Uint8Array): void {
    entry.packed += piece.byteLength;
    this.#write(piece);
  }

  #current(): { entry: Entry; deflate: Deflate | null } {
    if (this.#open === null) throw new RangeError('No file of the zip is open.');
    return this.#open;
  }

  #write(bytes: Uint8Array): void {
    this.#position += bytes.byteLength;
    this.#take(bytes);
  }
}

/** Noise becomes a little longer by DEFLATE. */
const mostPacked = (sizeBytes: number, isCompressed: boolean): number =>
  isCompressed ? sizeBytes + Math.ceil(sizeBytes / 1000) + 64 : sizeBytes;

function localHeader({ name, method, isLarge }: Entry): Uint8Array {
  const size = u32(isLarge ? 0xffff_ffff : 0);
  const version = u16(isLarge ? VERSION.large : VERSION.usual);
  return bytesOf(
    ...[u32(0x0403_4b50), version, u16(FLAGS), u16(method), u16(0), u16(DAY), u32(0), size, size],
    ...[u16(name.length), u16(isLarge ? 20 : 0)],
  );
}
