// An array out of a reader as parts of some rows each, so that no more than a part is in memory where the reader knows rows.
import type { WeightReader } from '../file-layout';

/** Floats of a part, unless a single row has more. */
const PART_ELEMENTS = 1 << 20;

export async function* weightParts(
  read: WeightReader,
  name: string,
  shape: readonly number[],
  partElements = PART_ELEMENTS,
): AsyncGenerator<Float32Array<ArrayBuffer>, void> {
  const [rows = 0, ...rest] = shape;
  const width = rest.reduce((size, n) => size * n, 1);
  const step = Math.max(Math.floor(partElements / width), 1);
  for (let first = 0; first < rows; first += step) {
    const count = Math.min(step, rows - first);
    const { data } = await read(name, { first, count });
    yield data;
    // A reader that knows no rows has given all of them.
    if (data.length === rows * width) return;
  }
}
