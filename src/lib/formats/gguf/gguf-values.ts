// Metadata values out of a header, and the questions that readers ask of metadata. An array is as long as the bytes that
// are left can hold, and all arrays together stay below a limit, whatever they claim.
import type { GgufCursor } from './gguf-cursor';
import { badGguf, truncatedGguf, unsupportedGguf } from './gguf-faults';
import {
  GGUF_VALUE_TYPES,
  LEAST_VALUE_BYTES,
  type GgufArray,
  type GgufMetadata,
  type GgufNumberType,
  type GgufScalar,
  type GgufValue,
  type GgufValueType,
} from './gguf-types';

/** Elements of all arrays. A vocabulary of 262 144 tokens with scores, types and merges has 1.3 million. */
const MAX_ELEMENTS = 1 << 23;
const MAX_DEPTH = 4;

const READ_NUMBER: Record<GgufNumberType, (view: DataView, at: number) => number> = {
  uint8: (view, at) => view.getUint8(at),
  int8: (view, at) => view.getInt8(at),
  uint16: (view, at) => view.getUint16(at, true),
  int16: (view, at) => view.getInt16(at, true),
  uint32: (view, at) => view.getUint32(at, true),
  int32: (view, at) => view.getInt32(at, true),
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
};

/** How many elements may still come. */
interface Allowance {
  elements: number;
}

export function newAllowance(): Allowance {
  return { elements: MAX_ELEMENTS };
}

async function readType(cursor: GgufCursor, what: string): Promise<GgufValueType> {
  const id = await cursor.uint32(`the type of ${what}`);
  const type = GGUF_VALUE_TYPES[id];
  if (type === undefined) throw badGguf(`${what} has the unknown value type ${id}`);
  return type;
}

/** @throws AppError `model.bad-header`, `model.truncated`. */
export async function readGgufValue(
  cursor: GgufCursor,
  what: string,
  allowance: Allowance,
): Promise<GgufValue> {
  const type = await readType(cursor, what);
  return type === 'array' ? readArray(cursor, what, allowance, 1) : readScalar(cursor, type, what);
}

async function readScalar(
  cursor: GgufCursor,
  type: Exclude<GgufValueType, 'array'>,
  what: string,
): Promise<GgufScalar> {
  if (type === 'string') return { type, value: await cursor.string(what) };
  const bytes = LEAST_VALUE_BYTES[type];
  if (!cursor.has(bytes)) await cursor.fill(bytes, what);
  const { view, at } = cursor.take(bytes);
  if (type === 'bool') return { type, value: boolOf(view.getUint8(at), what) };
  if (type === 'uint64') return { type, value: view.getBigUint64(at, true) };
  if (type === 'int64') return { type, value: view.getBigInt64(at, true) };
  return { type, value: READ_NUMBER[type](view, at) };
}

function boolOf(byte: number, what: string): boolean {
  if (byte > 1) throw badGguf(`${what} is a bool with the value ${byte}`);
  return byte === 1;
}

async function readLength(
  cursor: GgufCursor,
  of: GgufValueType,
  what: string,
  allowance: Allowance,
): Promise<number> {
  const length = await cursor.size(`the length of ${what}`, MAX_ELEMENTS);
  if (length > allowance.elements) {
    throw badGguf(`${what} has ${length} elements, all arrays together may have ${MAX_ELEMENTS}`);
  }
  const least = length * LEAST_VALUE_BYTES[of];
  if (least > cursor.remaining) {
    throw truncatedGguf(`${what} has ${length} elements and ${cursor.remaining} bytes are left`);
  }
  allowance.elements -= length;
  return length;
}

async function readArray(
  cursor: GgufCursor,
  what: string,
  allowance: Allowance,
  depth: number,
): Promise<GgufArray> {
  if (depth > MAX_DEPTH) throw badGguf(`${what} has arrays within arrays, deeper than ${MAX_DEPTH}`);
  const of = await readType(cursor, `the elements of ${what}`);
  const length = await readLength(cursor, of, what, allowance);
  if (of === 'array') {
    const values: GgufArray[] = [];
    for (let i = 0; i < length; i += 1) values.push(await readArray(cursor, what, allowance, depth + 1));
    return { type: 'array', of, values };
  }
  if (of === 'string') {
    const values: string[] = [];
    for (let i = 0; i < length; i += 1) {
      values.push(cursor.stringHere() ?? (await cursor.string(`element ${i} of ${what}`)));
    }
    return { type: 'array', of, values };
  }
  return readFixedArray(cursor, of, length, what);
}

async function readFixedArray(
  cursor: GgufCursor,
  of: Exclude<GgufValueType, 'array' | 'string'>,
  length: number,
  what: string,
): Promise<GgufArray> {
  const bytes = LEAST_VALUE_BYTES[of];
  const each = async <T>(read: (view: DataView, at: number) => T): Promise<T[]> => {
    const values: T[] = [];
    for (let i = 0; i < length; i += 1) {
      if (!cursor.has(bytes)) await cursor.fill(bytes, what);
      const { view, at } = cursor.take(bytes);
      values.push(read(view, at));
    }
    return values;
  };
  switch (of) {
    case 'bool':
      return { type: 'array', of, values: await each((view, at) => boolOf(view.getUint8(at), what)) };
    case 'uint64':
      return { type: 'array', of, values: await each((view, at) => view.getBigUint64(at, true)) };
    case 'int64':
      return { type: 'array', of, values: await each((view, at) => view.getBigInt64(at, true)) };
    default:
      return { type: 'array', of, values: await each(READ_NUMBER[of]) };
  }
}

function wrongType(key: string, value: GgufValue, expected: string): Error {
  return unsupportedGguf(
    `${key} is of type ${value.type}, expected ${expected}`,
    'Use a file made by an unchanged converter.',
    { key },
  );
}

/** A number of any type, null where there is no such key. @throws AppError `model.unsupported`. */
export function ggufNumber(metadata: GgufMetadata, key: string): number | null {
  const found = metadata.get(key);
  if (found === undefined) return null;
  if (found.type !== 'array' && typeof found.value === 'bigint') {
    const value = Number(found.value);
    if (Number.isSafeInteger(value)) return value;
  }
  if (found.type !== 'array' && typeof found.value === 'number') return found.value;
  throw wrongType(key, found, 'a number');
}

/** null where there is no such key. @throws AppError `model.unsupported`. */
export function ggufText(metadata: GgufMetadata, key: string): string | null {
  const found = metadata.get(key);
  if (found === undefined) return null;
  if (found.type === 'string') return found.value;
  throw wrongType(key, found, 'string');
}

/** null where there is no such key. @throws AppError `model.unsupported`. */
export function ggufFlag(metadata: GgufMetadata, key: string): boolean | null {
  const found = metadata.get(key);
  if (found === undefined) return null;
  if (found.type === 'bool') return found.value;
  throw wrongType(key, found, 'bool');
}

/** null where there is no such key. @throws AppError `model.unsupported`. */
export function ggufTexts(metadata: GgufMetadata, key: string): readonly string[] | null {
  const found = metadata.get(key);
  if (found === undefined) return null;
  if (found.type === 'array' && found.of === 'string') return found.values;
  throw wrongType(key, found, 'an array of strings');
}

/** Numbers of at most 32 bits, or floats. null where there is no such key. @throws AppError `model.unsupported`. */
export function ggufNumbers(metadata: GgufMetadata, key: string): readonly number[] | null {
  const found = metadata.get(key);
  if (found === undefined) return null;
  if (found.type === 'array' && isNumbers(found)) return found.values;
  throw wrongType(key, found, 'an array of numbers');
}

function isNumbers(array: GgufArray): array is Extract<GgufArray, { of: GgufNumberType }> {
  return array.of in READ_NUMBER;
}
