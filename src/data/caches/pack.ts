// Values of a cache as one file: what is written at once lies together, so that a bucket is asked once for many of them.
//
//   Uint32  mark, bytes of the list
//   JSON    a list of [key, bytes, packed by gzip]
//   values, one after the other
import type { StoredValue } from './value-store';

/** Says the layout: another one gets another mark. */
const MARK = 0x3170_6b46;
const HEADER_BYTES = 8;

export interface PackedValue {
  key: string;
  /** Bytes of the file. */
  start: number;
  end: number;
  gzip: boolean;
}

/** The part of a file that is read here. */
export interface PackFile {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

export function packValues(values: readonly StoredValue[]): Uint8Array<ArrayBuffer> {
  const list = new TextEncoder().encode(
    JSON.stringify(values.map(({ key, bytes, gzip }) => [key, bytes.byteLength, gzip])),
  );
  const total = values.reduce((sum, { bytes }) => sum + bytes.byteLength, HEADER_BYTES + list.length);
  const file = new Uint8Array(total);
  const view = new DataView(file.buffer);
  view.setUint32(0, MARK, true);
  view.setUint32(4, list.length, true);
  file.set(list, HEADER_BYTES);
  let at = HEADER_BYTES + list.length;
  for (const { bytes } of values) {
    file.set(new Uint8Array(bytes), at);
    at += bytes.byteLength;
  }
  return file;
}

/** Where its values lie. @returns null where it is no pack, or not whole. */
export async function readPackList(file: PackFile): Promise<PackedValue[] | null> {
  if (file.size < HEADER_BYTES) return null;
  const header = new DataView(await file.slice(0, HEADER_BYTES).arrayBuffer());
  const listEnd = HEADER_BYTES + header.getUint32(4, true);
  if (header.getUint32(0, true) !== MARK || listEnd > file.size) return null;
  const list = parseList(await file.slice(HEADER_BYTES, listEnd).arrayBuffer());
  if (list === null) return null;
  let end = listEnd;
  const values = list.map(([key, bytes, gzip]) => ({ key, start: end, end: (end += bytes), gzip }));
  return end === file.size ? values : null;
}

function parseList(bytes: ArrayBuffer): [string, number, boolean][] | null {
  try {
    const list: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(list) && list.every(isEntry) ? list : null;
  } catch {
    return null;
  }
}

function isEntry(entry: unknown): entry is [string, number, boolean] {
  if (!Array.isArray(entry)) return false;
  const [key, bytes, gzip] = entry as unknown[];
  const isLength = Number.isSafeInteger(bytes) && Number(bytes) >= 0;
  return typeof key === 'string' && isLength && typeof gzip === 'boolean';
}
