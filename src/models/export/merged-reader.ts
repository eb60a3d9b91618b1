// A base with an adapter merged into it, some rows at a time and in plain arithmetic: W + scale B A, with DoRA each row
// brought to its magnitude (Hu et al. 2021; Liu et al. 2024). The adapter's arrays stay the caller's; nothing else is kept.
import type { LoraConfig } from '../../protocol/models';
import { loraA, loraB, loraMagnitude, loraScale } from '../decoder/lora-weights';
import type { FileArray, WeightReader } from '../file-layout';

export interface AdapterWeights {
  lora: LoraConfig;
  /** By the decoder's names, without PEFT's prefix: A [rank, in], B [out, rank], with DoRA magnitudes [out]. */
  arrays: ReadonlyMap<string, FileArray>;
}

/** What is added to one weight. */
interface Side {
  a: FileArray;
  b: FileArray;
  magnitude: FileArray | null;
  scale: number;
}

/** Reads the weights of the base as they are with the adapter in them. @param read gives the base's. */
export function mergedReader(read: WeightReader, { lora, arrays }: AdapterWeights): WeightReader {
  const scale = loraScale(lora);
  return async (name, rows) => {
    const weight = await read(name, rows);
    const path = name.replace(/\.weight$/, '');
    const [a, b] = [arrays.get(loraA(path)), arrays.get(loraB(path))];
    if (a === undefined || b === undefined) return weight;
    // A reader that knows no rows has given all of them.
    const first = rows !== undefined && weight.shape[0] === rows.count ? rows.first : 0;
    return merged(weight, first, { a, b, magnitude: arrays.get(loraMagnitude(path)) ?? null, scale });
  };
}

/** @param first which row of the whole weight the first one of `weight` is. */
function merged({ shape, data }: FileArray, first: number, side: Side): FileArray {
  const [rows = 0, columns = 0] = shape;
  const result = new Float32Array(data.length);
  const sum = new Float64Array(columns);
  for (let row = 0; row < rows; row += 1) {
    const from = row * columns;
    sum.set(data.subarray(from, from + columns));
    addSide(sum, first + row, side);
    const length = side.magnitude?.data[first + row];
    result.set(length === undefined ? sum : brought(sum, length), from);
  }
  return { shape: [...shape], data: result };
}

/** Adds scale B[row] A. */
function addSide(sum: Float64Array, row: number, { a, b, scale }: Side): void {
  const [rank = 0] = a.shape;
  const columns = sum.length;
  for (let r = 0; r < rank; r += 1) {
    const factor = scale * (b.data[row * rank + r] ?? 0);
    if (factor === 0) continue;
    const from = r * columns;
    for (let i = 0; i < columns; i += 1) sum[i] = (sum[i] ?? 0) + factor * (a.data[from + i] ?? 0);
  }
}

/** The row in its own direction, `magnitude` long. */
function brought(row: Float64Array, magnitude: number): Float64Array {
  let squares = 0;
  for (const value of row) squares += value * value;
  const factor = squares === 0 ? 0 : magnitude / Math.sqrt(squares);
  return row.map((value) => value * factor);
}
