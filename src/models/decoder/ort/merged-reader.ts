// Weights with an adapter merged into them, worked out row by row as they are read: W + scale B A, and with DoRA each row
// brought to its length. Nothing is kept.
import type { LoraConfig } from '../../../protocol/models';
import type { FileArray, WeightReader } from '../../file-layout';
import { loraA, loraB, loraMagnitude, loraScale } from '../lora-weights';

const WEIGHT = /\.weight$/;

/** Names of the weights that an adapter's arrays change. */
export function adaptedWeights(arrays: ReadonlyMap<string, FileArray>): Set<string> {
  const suffix = loraA('');
  return new Set(
    [...arrays.keys()]
      .filter((name) => name.endsWith(suffix))
      .map((name) => `${name.slice(0, -suffix.length)}.weight`),
  );
}

/** `row` plus scale times the product of a row of B with A. */
function addProduct(row: Float32Array, b: Float32Array, a: Float32Array, scale: number): void {
  b.forEach((factor, r) => {
    const weight = scale * factor;
    const from = r * row.length;
    for (let i = 0; i < row.length; i += 1) row[i] = (row[i] ?? 0) + weight * (a[from + i] ?? 0);
  });
}

function toLength(row: Float32Array, length: number): void {
  const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  const factor = length / norm;
  row.forEach((value, i) => (row[i] = value * factor));
}

/** @param arrays of the adapter by name: A [rank, in], B [out, rank], magnitudes [out]. */
export function mergedReader(
  read: WeightReader,
  lora: LoraConfig,
  arrays: ReadonlyMap<string, FileArray>,
): WeightReader {
  const scale = loraScale(lora);
  return async (name, rows) => {
    const array = await read(name, rows);
    const path = name.replace(WEIGHT, '');
    const [a, b] = [arrays.get(loraA(path)), arrays.get(loraB(path))];
    if (a === undefined || b === undefined) return array;
    const width = a.shape[1] ?? 1;
    const rank = a.shape[0] ?? 0;
    const magnitude = arrays.get(loraMagnitude(path))?.data;
    // A reader that knows no rows gives them all.
    const first = array.data.length === (b.shape[0] ?? 0) * width ? 0 : (rows?.first ?? 0);
    const data = array.data.slice();
    for (let index = 0; index < data.length / width; index += 1) {
      const row = data.subarray(index * width, (index + 1) * width);
      const out = first + index;
      addProduct(row, b.data.subarray(out * rank, (out + 1) * rank), a.data, scale);
      if (magnitude !== undefined) toLength(row, magnitude[out] ?? 0);
    }
    return { shape: array.shape, data };
  };
}
