// Writes a GGUF file (version 3) as a stream: the header is laid out at once from names, types and shapes, then tensors
// are asked for one after the other and encoded part by part, so that no more than one part is in memory.
import type { StreamedFile } from '../onnx';
import { GgufBytes } from './gguf-bytes';
import { encodeBlocks, type GgufWritableType } from './gguf-encode';
import {
  aligned,
  ALIGNMENT_KEY,
  DEFAULT_ALIGNMENT,
  GGUF_LAYOUTS,
  GGUF_MAGIC,
  MAX_DIMENSIONS,
  type GgufMetadata,
} from './gguf-types';
import { ggufNumber } from './gguf-values';

const VERSION = 3;
const MAX_NAME_BYTES = 63;

/** Values of a tensor, row-major, in parts of whole blocks (any number of values where the type has no blocks). */
export type GgufParts = Iterable<Float32Array<ArrayBuffer>> | AsyncIterable<Float32Array<ArrayBuffer>>;

export interface GgufTensor {
  name: string;
  type: GgufWritableType;
  /** Outermost first. */
  shape: readonly number[];
  /** Called once for every time the file is streamed. */
  parts: () => GgufParts;
}

export interface GgufContent {
  /** `general.alignment` in it is honoured. */
  metadata: GgufMetadata;
  tensors: readonly GgufTensor[];
}

/**
 * @throws RangeError for shapes, names or values that the format cannot hold. The stream throws RangeError where a tensor
 * gives another number of values than its shape says, AppError `model.unsupported` for values its type cannot store.
 */
export function writeGguf(name: string, content: GgufContent): StreamedFile {
  const alignment = ggufNumber(content.metadata, ALIGNMENT_KEY) ?? DEFAULT_ALIGNMENT;
  const header = encodeHeader(content, alignment);
  const dataBytes = content.tensors.reduce((sum, tensor) => sum + aligned(sizeOf(tensor), alignment), 0);
  return {
    name,
    byteLength: header.length + dataBytes,
    stream: () => streamFile(header, content.tensors, alignment),
  };
}

/** The file as one Blob, for files that fit in memory. */
export async function collectGguf(file: StreamedFile): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  // A part of type F32 is a view of the caller's array, which may be used again for the next one.
  for await (const part of file.stream()) parts.push(part.slice());
  return new Blob(parts);
}

/** Bytes of a tensor without padding. */
function sizeOf({ name, type, shape }: GgufTensor): number {
  const { blockSize, blockBytes } = GGUF_LAYOUTS[type];
  const rowLength = shape.at(-1) ?? 0;
  if (shape.length > MAX_DIMENSIONS || !shape.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw new RangeError(`${name} has the shape [${shape.join(', ')}], which GGUF cannot hold.`);
  }
  if (rowLength === 0 || rowLength % blockSize !== 0) {
    throw new RangeError(`${name} has rows of ${rowLength}; ${type} needs a multiple of ${blockSize}.`);
  }
  return (shape.reduce((product, size) => product * size, 1) / blockSize) * blockBytes;
}

function checkNames(tensors: readonly GgufTensor[]): void {
  const utf8 = new TextEncoder();
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name)) throw new RangeError(`The tensor ${name} is there twice.`);
    const { length } = utf8.encode(name);
    // llama.cpp keeps names in 64 bytes with a zero at the end.
    if (length > MAX_NAME_BYTES)
      throw new RangeError(`The name ${name} has ${length} bytes, not ${MAX_NAME_BYTES}.`);
    seen.add(name);
  }
}

function encodeHeader({ metadata, tensors }: GgufContent, alignment: number): Uint8Array<ArrayBuffer> {
  checkNames(tensors);
  const bytes = new GgufBytes();
  bytes.uint32(GGUF_MAGIC);
  bytes.uint32(VERSION);
  bytes.uint64(tensors.length);
  bytes.uint64(metadata.size);
  for (const [key, value] of metadata) {
    bytes.string(key);
    bytes.value(value);
  }
  let offset = 0;
  for (const tensor of tensors) {
    bytes.string(tensor.name);
    bytes.uint32(tensor.shape.length);
    for (const size of [...tensor.shape].reverse()) bytes.uint64(size);
    bytes.uint32(GGUF_LAYOUTS[tensor.type].id);
    bytes.uint64(offset);
    offset += aligned(sizeOf(tensor), alignment);
  }
  bytes.zeros(aligned(bytes.length, alignment) - bytes.length);
  return bytes.bytes();
}

async function* streamFile(
  header: Uint8Array<ArrayBuffer>,
  tensors: readonly GgufTensor[],
  alignment: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  yield header;
  for (const tensor of tensors) yield* streamTensor(tensor, alignment);
}

async function* streamTensor(
  tensor: GgufTensor,
  alignment: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const expected = sizeOf(tensor);
  let written = 0;
  for await (const values of tensor.parts()) {
    const bytes = encodeBlocks(tensor.type, values, tensor.name);
    written += bytes.length;
    if (written > expected) break;
    yield bytes;
  }
  if (written !== expected) {
    const fact = written > expected ? 'more' : `${written} bytes, which is less`;
    throw new RangeError(`${tensor.name} gives ${fact} than the ${expected} bytes of its shape.`);
  }
  const padding = aligned(expected, alignment) - expected;
  if (padding > 0) yield new Uint8Array(padding);
}
