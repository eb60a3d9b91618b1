// Between the layout of a weights file and the engine's: projections are [out, in] in the file and [in, out] here.
import { fromFloats, readFloats, type Tensor } from '../engine';

export interface FileArray {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}

/** Consecutive rows of an array. */
export interface RowRange {
  first: number;
  count: number;
}

/**
 * Reads an array, or only those rows of it; a reader that knows no rows gives the whole array for any. Arrays that were asked
 * for whole are the caller's. Rows are valid until the next rows arrive, which take their memory: a reader leaves it alone
 * before its first await, a caller has no more than one read of rows under way.
 */
export type WeightReader = (name: string, rows?: RowRange) => Promise<FileArray>;

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
