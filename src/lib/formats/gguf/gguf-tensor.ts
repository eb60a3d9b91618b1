// Tensors of a GGUF file as 32-bit floats: whole, some rows, or all rows part by part. Only the bytes asked for are read;
// the arrays belong to the caller.
import type { PieceMemory } from '../piece-memory';
import type { FloatArray } from '../safetensors';
import { decodeBlocks, unpackBlocks } from './gguf-blocks';
import { GGUF_LAYOUTS, type GgufEntry } from './gguf-types';

/** Floats of one part, where nothing else is asked for. */
const PART_ELEMENTS = 1 << 20;

/**
 * Where rows of a tensor lie: an entry of its own.
 * @throws RangeError for rows that the tensor does not have, or that do not begin and end with a block.
 */
export function ggufRows(entry: GgufEntry, first: number, count: number): GgufEntry {
  const [rows = 0, ...rest] = entry.shape;
  if (!isSize(first) || !isSize(count) || first + count > rows) {
    throw new RangeError(`Rows ${first} to ${first + count} are not among ${rows}.`);
  }
  const { blockSize, blockBytes } = GGUF_LAYOUTS[entry.type];
  const rowLength = rest.reduce((size, n) => size * n, 1);
  const from = first * rowLength;
  const length = count * rowLength;
  if (from % blockSize !== 0 || length % blockSize !== 0) {
    throw new RangeError(`Rows ${first} to ${first + count} cut blocks of ${blockSize} (${entry.type}).`);
  }
  const begin = entry.begin + (from / blockSize) * blockBytes;
  return { ...entry, shape: [count, ...rest], begin, end: begin + (length / blockSize) * blockBytes };
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/**
 * One tensor, shape outermost first.
 * @param memory where the result lies, valid until it is asked again; without it the result is the caller's.
 */
export async function readGgufTensor(
  file: Blob,
  { begin, end, shape, type }: GgufEntry,
  memory: PieceMemory | null = null,
): Promise<FloatArray> {
  const bytes = await (memory?.bytes(file, begin, end) ?? file.slice(begin, end).arrayBuffer());
  if (memory === null || type === 'F32') return { shape, data: decodeBlocks(type, bytes) };
  const { blockSize, blockBytes } = GGUF_LAYOUTS[type];
  const data = memory.floats((bytes.byteLength / blockBytes) * blockSize);
  unpackBlocks(type, new Uint8Array(bytes), data);
  return { shape, data };
}

/** All rows of a tensor in order, at most `partElements` floats at a time unless a single row has more. */
export async function* streamGgufTensor(
  file: Blob,
  entry: GgufEntry,
  partElements = PART_ELEMENTS,
): AsyncGenerator<{ first: number; rows: FloatArray }, void> {
  const [rows = 0, ...rest] = entry.shape;
  const rowLength = rest.reduce((size, n) => size * n, 1);
  // A vector's rows are single elements: a part holds whole blocks of them.
  const { blockSize } = GGUF_LAYOUTS[entry.type];
  const least = rowLength % blockSize === 0 ? 1 : blockSize;
  const step = Math.max(Math.floor(partElements / rowLength / least) * least, least);
  for (let first = 0; first < rows; first += step) {
    const part = ggufRows(entry, first, Math.min(step, rows - first));
    yield { first, rows: await readGgufTensor(file, part) };
  }
}
