// The safetensors format: 8 bytes of header length, a JSON header, then the arrays. Reads slices of a Blob, one array at
// a time, so a file is never in memory whole; trusts nothing in the header before it was checked against the file.
// https://github.com/huggingface/safetensors#format
import { AppError } from '../errors';
import { bfloatsToFloats, halvesToFloats } from './float16';
import type { PieceMemory } from './piece-memory';

export type SafetensorsType = 'F32' | 'F16' | 'BF16';

export interface SafetensorsEntry {
  dtype: SafetensorsType;
  shape: number[];
  /** Bytes from the start of the file. */
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  tensors: Map<string, SafetensorsEntry>;
  metadata: Record<string, string>;
}

/** An array with its shape, row-major. */
export interface FloatArray {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

const LENGTH_BYTES = 8;
/** The format's own limit on the header. */
const MAX_HEADER_BYTES = 100_000_000;
const ELEMENT_BYTES: Record<SafetensorsType, number> = { F32: 4, F16: 2, BF16: 2 };

function badHeader(fact: string, details: Record<string, unknown> = {}): AppError<'model.bad-header'> {
  return new AppError('model.bad-header', `The safetensors header is not valid: ${fact}.`, {
    details,
    remedy: 'Download the file again from where it came; it must end in .safetensors.',
  });
}

function truncated(fact: string, details: Record<string, unknown>): AppError<'model.truncated'> {
  return new AppError('model.truncated', `The safetensors file is cut short: ${fact}.`, {
    details,
    remedy: 'Download the file again; the transfer did not finish.',
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isSizes = (value: unknown): value is number[] => Array.isArray(value) && value.every(isSize);

const isType = (value: unknown): value is SafetensorsType =>
  value === 'F32' || value === 'F16' || value === 'BF16';

async function readHeaderText(file: Blob): Promise<{ text: string; dataStart: number }> {
  if (file.size < LENGTH_BYTES) throw truncated(`it has ${file.size} bytes`, { sizeBytes: file.size });
  const length = new DataView(await file.slice(0, LENGTH_BYTES).arrayBuffer()).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw badHeader(`it claims to be ${length} bytes long, the format allows ${MAX_HEADER_BYTES}`);
  }
  const dataStart = LENGTH_BYTES + Number(length);
  if (dataStart > file.size) {
    throw truncated(`its header is ${length} bytes long and the file has ${file.size}`, {
      sizeBytes: file.size,
    });
  }
  const bytes = await file.slice(LENGTH_BYTES, dataStart).arrayBuffer();
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), dataStart };
  } catch (cause) {
    throw new AppError('model.bad-header', 'The safetensors header is not UTF-8 text.', { cause });
  }
}

function parseJson(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badHeader('it is not JSON', { excerpt: text.slice(0, 80) });
  }
  if (!isRecord(value)) throw badHeader('it is not a JSON object');
  const twice = repeatedKey(text);
  if (twice !== null) throw badHeader(`${twice} is there twice`, { tensor: twice });
  return value;
}

/** Strings, and what opens and closes. */
const JSON_MARKS = /"(?:[^"\\]|\\.)*"|[{}[\]]/g;

/** A key that the outermost object has twice, of which JSON's reader keeps the last. null where there is none. */
function repeatedKey(json: string): string | null {
  const keys = new Set<string>();
  let depth = 0;
  for (const { 0: mark, index } of json.matchAll(JSON_MARKS)) {
    if (mark === '{' || mark === '[') depth += 1;
    else if (mark === '}' || mark === ']') depth -= 1;
    else if (depth === 1 && /^\s*:/.test(json.slice(index + mark.length, index + mark.length + 16))) {
      const key = JSON.parse(mark) as string;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return null;
}

function parseMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw badHeader('__metadata__ is not an object');
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** Number of elements. Sizes can be chosen so that their product overflows: it must stay an exact integer. */
function elementCount(name: string, shape: number[]): number {
  const count = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count)) throw badHeader(`${name} has the impossible shape [${shape.join(', ')}]`);
  return count;
}

function parseEntry(name: string, value: unknown, dataStart: number): SafetensorsEntry {
  if (!isRecord(value)) throw badHeader(`${name} is not an object`, { tensor: name });
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isType(dtype)) {
    throw new AppError(
      'model.unsupported',
      `${name} is stored as ${String(dtype)}; F32, F16 and BF16 can be read.`,
      {
        details: { tensor: name, dtype },
        remedy: 'Use the version of the model in full, half or bfloat16 precision.',
      },
    );
  }
  if (!isSizes(shape)) throw badHeader(`${name} has no valid shape`, { tensor: name });
  const [begin, end] = isSizes(offsets) ? offsets : [];
  if (begin === undefined || end === undefined || end < begin) {
    throw badHeader(`${name} has no valid data_offsets`, { tensor: name });
  }
  const expected = elementCount(name, shape) * ELEMENT_BYTES[dtype];
  if (end - begin !== expected) {
    throw badHeader(
      `${name} has ${end - begin} bytes, its shape [${shape.join(', ')}] and type ${dtype} need ${expected}`,
      { tensor: name },
    );
  }
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** Arrays must follow each other without overlap or gap, and end within the file. */
function checkLayout(tensors: Map<string, SafetensorsEntry>, dataStart: number, sizeBytes: number): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let position = dataStart;
  for (const [name, { begin, end }] of ordered) {
    if (begin < position) throw badHeader(`${name} overlaps the array before it`, { tensor: name });
    if (begin > position) throw badHeader(`there is a gap before ${name}`, { tensor: name });
    if (end > sizeBytes) {
      throw truncated(`${name} ends at byte ${end}, the file at ${sizeBytes}`, { tensor: name, sizeBytes });
    }
    position = end;
  }
}

/**
 * Reads and checks the header.
 * @throws AppError `model.bad-header`, `model.truncated`, or `model.unsupported` for an array type.
 */
export async function readSafetensorsHeader(file: Blob): Promise<SafetensorsHeader> {
  const { text, dataStart } = await readHeaderText(file);
  const { __metadata__: metadata, ...entries } = parseJson(text);
  const tensors = new Map<string, SafetensorsEntry>();
  for (const [name, value] of Object.entries(entries)) tensors.set(name, parseEntry(name, value, dataStart));
  checkLayout(tensors, dataStart, file.size);
  return { tensors, metadata: parseMetadata(metadata) };
}

/** Where rows of an array lie: an entry of its own. @throws RangeError for rows that the array does not have. */
export function rowsOf(entry: SafetensorsEntry, first: number, count: number): SafetensorsEntry {
  const [rows = 0, ...rest] = entry.shape;
  if (!isSize(first) || !isSize(count) || first + count > rows) {
    throw new RangeError(`Rows ${first} to ${first + count} are not among ${rows}.`);
  }
  const rowBytes = rest.reduce((size, n) => size * n, ELEMENT_BYTES[entry.dtype]);
  const begin = entry.begin + first * rowBytes;
  return { ...entry, shape: [count, ...rest], begin, end: begin + count * rowBytes };
}

/**
 * One array as 32-bit floats.
 * @param memory where the result lies, valid until it is asked again; without it the result is the caller's.
 */
export async function readSafetensor(
  file: Blob,
  { begin, end, shape, dtype }: SafetensorsEntry,
  memory: PieceMemory | null = null,
): Promise<FloatArray> {
  const bytes = await (memory?.bytes(file, begin, end) ?? file.slice(begin, end).arrayBuffer());
  if (dtype === 'F32') return { shape, data: new Float32Array(bytes) };
  const halves = new Uint16Array(bytes);
  const decode = dtype === 'F16' ? halvesToFloats : bfloatsToFloats;
  return { shape, data: decode(halves, memory?.floats(halves.length)) };
}

/** A file with these arrays in 32-bit floats, in the order given. The header is padded so that data is 8-aligned. */
export function writeSafetensors(
  tensors: ReadonlyMap<string, FloatArray>,
  metadata: Record<string, string> = {},
): Blob {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let position = 0;
  for (const [name, { shape, data }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [position, position + data.byteLength] };
    position += data.byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padding = ' '.repeat((8 - (json.length % 8)) % 8);
  const length = new DataView(new ArrayBuffer(LENGTH_BYTES));
  length.setBigUint64(0, BigInt(json.length + padding.length), true);
  return new Blob([length.buffer, json, padding, ...[...tensors.values()].map(({ data }) => data)]);
}
