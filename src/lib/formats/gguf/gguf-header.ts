// The header of a GGUF file: metadata and where each tensor lies. Reads it through a window of the Blob; nothing in it is
// trusted before it was checked against the format, against itself and against the size of the file.
import { GgufCursor } from './gguf-cursor';
import { badGguf, truncatedGguf, unsupportedGguf } from './gguf-faults';
import {
  aligned,
  ALIGNMENT_KEY,
  DEFAULT_ALIGNMENT,
  GGUF_LAYOUTS,
  GGUF_MAGIC,
  GGUF_TYPES,
  GGUF_VERSIONS,
  MAX_DIMENSIONS,
  OTHER_TYPE_NAMES,
  type GgufEntry,
  type GgufHeader,
  type GgufMetadata,
  type GgufType,
  type GgufValue,
} from './gguf-types';
import { newAllowance, readGgufValue } from './gguf-values';

const PREFIX_BYTES = 24;
const MAX_KEYS = 65_536;
const MAX_TENSORS = 65_536;
/** The format's own limits, in bytes. */
const MAX_KEY_BYTES = 65_535;
const MAX_NAME_BYTES = 64;
const MAX_ALIGNMENT = 1 << 20;
/** Length of the key, type and one byte of value; length of the name, dimensions, one size, type and offset. */
const LEAST_KEY_BYTES = 13;
const LEAST_TENSOR_BYTES = 32;

const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);
const TYPE_OF_ID = new Map<number, GgufType>(GGUF_TYPES.map((type) => [GGUF_LAYOUTS[type].id, type]));

/** A tensor before its place is known to lie within the file. */
interface TensorClaim {
  type: GgufType;
  shape: number[];
  /** From the start of the data. */
  offset: number;
  sizeBytes: number;
}

/**
 * Reads and checks the header.
 * @throws AppError `model.bad-header`, `model.truncated`, or `model.unsupported` for a version or a tensor's type.
 */
export async function readGgufHeader(file: Blob): Promise<GgufHeader> {
  const cursor = new GgufCursor(file);
  const version = await readVersion(cursor, file.size);
  const tensorCount = await cursor.size('the number of tensors', MAX_TENSORS);
  const keyCount = await cursor.size('the number of metadata keys', MAX_KEYS);
  checkRoom(cursor, `${keyCount} keys`, keyCount * LEAST_KEY_BYTES);
  const metadata = await readMetadata(cursor, keyCount);
  const alignment = alignmentOf(metadata);
  checkRoom(cursor, `${tensorCount} tensors`, tensorCount * LEAST_TENSOR_BYTES);
  const claims = await readTensorInfos(cursor, tensorCount, alignment);
  const dataStart = aligned(cursor.position, alignment);
  const tensors = placeTensors(claims, dataStart, file.size);
  return { version, metadata, tensors, alignment, dataStart };
}

async function readVersion(cursor: GgufCursor, sizeBytes: number): Promise<number> {
  if (sizeBytes < PREFIX_BYTES) throw truncatedGguf(`it has ${sizeBytes} bytes`, { sizeBytes });
  const magic = await cursor.uint32('the magic number');
  if (magic !== GGUF_MAGIC) {
    throw badGguf(`it starts with 0x${magic.toString(16).padStart(8, '0')} instead of "GGUF"`);
  }
  const version = await cursor.uint32('the version');
  if (GGUF_VERSIONS.includes(version)) return version;
  const bigEndian = (version & 0xffff) === 0;
  throw unsupportedGguf(
    bigEndian ? 'its numbers are big-endian' : `it has version ${version}; 2 and 3 can be read`,
    bigEndian ? 'Use the little-endian file.' : 'Convert the model again with a present-day converter.',
    { version },
  );
}

function checkRoom(cursor: GgufCursor, what: string, leastBytes: number): void {
  if (leastBytes <= cursor.remaining) return;
  throw truncatedGguf(`${what} take at least ${leastBytes} bytes and ${cursor.remaining} are left`);
}

async function readMetadata(cursor: GgufCursor, count: number): Promise<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>();
  const allowance = newAllowance();
  for (let i = 0; i < count; i += 1) {
    const key = await cursor.string(`metadata key ${i}`, MAX_KEY_BYTES);
    if (metadata.has(key)) throw badGguf(`the key ${key} is there twice`, { key });
    metadata.set(key, await readGgufValue(cursor, key, allowance));
  }
  return metadata;
}

function alignmentOf(metadata: GgufMetadata): number {
  const value = metadata.get(ALIGNMENT_KEY);
  if (value === undefined) return DEFAULT_ALIGNMENT;
  if (value.type !== 'uint32') throw badGguf(`${ALIGNMENT_KEY} is of type ${value.type} instead of uint32`);
  const alignment = value.value;
  if (alignment < 8 || alignment > MAX_ALIGNMENT || (alignment & (alignment - 1)) !== 0) {
    throw badGguf(`${ALIGNMENT_KEY} is ${alignment}, expected a power of two from 8 to ${MAX_ALIGNMENT}`);
  }
  return alignment;
}

async function readTensorInfos(
  cursor: GgufCursor,
  count: number,
  alignment: number,
): Promise<Map<string, TensorClaim>> {
  const claims = new Map<string, TensorClaim>();
  for (let i = 0; i < count; i += 1) {
    const name = await cursor.string(`the name of tensor ${i}`, MAX_NAME_BYTES);
    if (claims.has(name)) throw badGguf(`the tensor ${name} is there twice`, { tensor: name });
    claims.set(name, await readTensorInfo(cursor, name, alignment));
  }
  return claims;
}

async function readTensorInfo(cursor: GgufCursor, name: string, alignment: number): Promise<TensorClaim> {
  const dimensions = await cursor.uint32(`the number of dimensions of ${name}`);
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw badGguf(`${name} has ${dimensions} dimensions, 1 to ${MAX_DIMENSIONS} can be`, { tensor: name });
  }
  const sizes: number[] = [];
  for (let i = 0; i < dimensions; i += 1) sizes.push(await cursor.size(`dimension ${i} of ${name}`));
  const type = typeOf(await cursor.uint32(`the type of ${name}`), name);
  const offset = await cursor.size(`the offset of ${name}`);
  if (offset % alignment !== 0) {
    throw badGguf(`${name} starts at ${offset}, not at a multiple of ${alignment}`, { tensor: name });
  }
  return { type, shape: [...sizes].reverse(), offset, sizeBytes: sizeOf(name, type, sizes) };
}

function typeOf(id: number, name: string): GgufType {
  const type = TYPE_OF_ID.get(id);
  if (type !== undefined) return type;
  const known = OTHER_TYPE_NAMES.get(id);
  throw unsupportedGguf(
    `${name} is stored as ${known ?? `the unknown type ${id}`}; ${GGUF_TYPES.join(', ')} can be read`,
    'Use a version of the model in one of these types, Q4_K_M or Q8_0 for example.',
    { tensor: name, type: known ?? id },
  );
}

/** Bytes of a tensor. Sizes can be chosen so that their product overflows: it must stay an exact integer. */
function sizeOf(name: string, type: GgufType, sizes: readonly number[]): number {
  const { blockSize, blockBytes } = GGUF_LAYOUTS[type];
  const [rowLength = 0] = sizes;
  if (sizes.includes(0)) throw badGguf(`${name} has the empty shape [${sizes.join(', ')}]`, { tensor: name });
  if (rowLength % blockSize !== 0) {
    throw badGguf(`${name} has rows of ${rowLength}, ${type} needs a multiple of ${blockSize}`, {
      tensor: name,
    });
  }
  const elements = sizes.reduce((product, size) => product * BigInt(size), 1n);
  const sizeBytes = (elements / BigInt(blockSize)) * BigInt(blockBytes);
  if (elements > MAX_EXACT || sizeBytes > MAX_EXACT) {
    throw badGguf(`${name} has the impossible shape [${sizes.join(', ')}]`, { tensor: name });
  }
  return Number(sizeBytes);
}

/** Tensors may lie in any order and with padding between them; they may not overlap or pass the end. */
function placeTensors(
  claims: ReadonlyMap<string, TensorClaim>,
  dataStart: number,
  sizeBytes: number,
): Map<string, GgufEntry> {
  const entries = new Map<string, GgufEntry>();
  for (const [name, { type, shape, offset, sizeBytes: length }] of claims) {
    const begin = dataStart + offset;
    const end = begin + length;
    if (!Number.isSafeInteger(end)) throw badGguf(`${name} ends beyond 2^53`, { tensor: name });
    entries.set(name, { type, shape, begin, end });
  }
  let previous = { name: 'the header', end: dataStart };
  for (const [name, { begin, end }] of [...entries].sort(([, a], [, b]) => a.begin - b.begin)) {
    if (begin < previous.end) throw badGguf(`${name} overlaps ${previous.name}`, { tensor: name });
    if (end > sizeBytes) {
      throw truncatedGguf(`${name} ends at byte ${end}, the file at ${sizeBytes}`, {
        tensor: name,
        sizeBytes,
      });
    }
    previous = { name, end };
  }
  return entries;
}
