// Between the layout of a weights file and the engine's: projections are [out, in] in the file and [in, out] here.
import { fromFloats, readFloats, type Tensor } from '../engine';
import { GGUF_LAYOUTS, type GgufType } from '../lib/formats/gguf/gguf-types';

export interface FileArray {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

/** Consecutive rows of an array. */
export interface RowRange {
  first: number;
  count: number;
}

/** An array that lies in a file just as it is but for its encoding, row after row. */
export interface StoredArray {
  file: Blob;
  /** Safetensors have types of the same names. */
  type: GgufType;
  shape: readonly number[];
  /** Bytes from the start of the file. */
  begin: number;
  end: number;
  /** Of heads whose rows lie in GGUF's order (`fromGgufRows`); null where rows are in place. */
  headSize: number | null;
}

/**
 * Reads an array, or only those rows of it; a reader that knows no rows gives the whole array for any. Arrays that were asked
 * for whole are the caller's. Rows are valid until the next rows arrive, which take their memory: a reader leaves it alone
 * before its first await, a caller has no more than one read of rows under way.
 */
export interface WeightReader {
  (name: string, rows?: RowRange): Promise<FileArray>;
  /** Where the array can be had without this reader; null where it cannot, absent where none can. */
  stored?: (name: string) => StoredArray | null;
}

/** Rows of a stored array; null where they do not begin and end with a block. */
export function storedRows(array: StoredArray, { first, count }: RowRange): StoredArray | null {
  const { blockSize, blockBytes } = GGUF_LAYOUTS[array.type];
  const width = array.shape.slice(1).reduce((size, n) => size * n, 1);
  if (array.headSize !== null || (first * width) % blockSize !== 0 || (count * width) % blockSize !== 0) {
    return null;
  }
  const begin = array.begin + ((first * width) / blockSize) * blockBytes;
  const end = begin + ((count * width) / blockSize) * blockBytes;
  return { ...array, shape: [count, ...array.shape.slice(1)], begin, end };
}

/** True for weights the engine keeps [in, out]: projections, an output head of its own, LoRA matrices. */
export function isKeptTransposed(name: string): boolean {
  return /(_proj|lm_head|lora_[AB])\.weight$/.test(name);
}

/** Row-major [rows, columns] to row-major [columns, rows]. */
export function transposeArray(data: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      result[column * rows + row] = data[row * columns + column] ?? 0;
    }
  }
  return result;
}

export function toEngine(name: string, { shape, data }: FileArray): Tensor {
  const [rows = 0, columns = 0] = shape;
  if (!isKeptTransposed(name)) return fromFloats(data, shape);
  return fromFloats(transposeArray(data, rows, columns), [columns, rows]);
}

export async function fromEngine(name: string, tensor: Tensor): Promise<FileArray> {
  const data = await readFloats(tensor);
  const [rows = 0, columns = 0] = tensor.shape;
  if (!isKeptTransposed(name)) return { shape: [...tensor.shape], data };
  return { shape: [columns, rows], data: transposeArray(data, rows, columns) };
}

/** Shape in the file of a tensor as the engine keeps it. */
export function fileShape(name: string, tensor: Tensor): number[] {
  return isKeptTransposed(name) ? [...tensor.shape].reverse() : [...tensor.shape];
}
