// Rows of a table by id, and the gradient of that. tfjs's own gather gradient needs a kernel that wasm does not have,
// and its webgpu scatter adds with atomics, in no fixed order: there, rows of the same id are summed by a product first,
// so that a resumed run repeats itself bit by bit.
import * as tf from '@tensorflow/tfjs-core';
import { fromFloats, fromInts, scope, type Tensor } from '../tensor';

/** table [size, width], ids of `rows` elements. @returns [rows, width]. */
export function gatherRows(table: Tensor, ids: Int32Array): Tensor {
  return scope(() => tf.gatherND(table, fromInts(ids, [ids.length, 1])));
}

/** Which distinct ids there are, and for each of `ids` its place among them. */
function distinct(ids: Int32Array): { unique: Int32Array; place: Int32Array } {
  const places = new Map<number, number>();
  const place = ids.map((id) => {
    const known = places.get(id);
    if (known !== undefined) return known;
    places.set(id, places.size);
    return places.size - 1;
  });
  return { unique: Int32Array.from(places.keys()), place };
}

function sumEqualIds(rows: Tensor, place: Int32Array, count: number): Tensor {
  const selection = new Float32Array(count * place.length);
  place.forEach((row, column) => {
    selection[row * place.length + column] = 1;
  });
  return tf.matMul(fromFloats(selection, [count, place.length]), rows);
}

/**
 * The gradient of `gatherRows`: a [size, width] table of zeros with each row added at its id.
 * @param rows [ids.length, width].
 */
export function scatterAddRows(rows: Tensor, ids: Int32Array, size: number): Tensor {
  return scope(() => {
    const shape = [size, rows.shape[1] ?? 0];
    if (tf.getBackend() !== 'webgpu') return tf.scatterND(fromInts(ids, [ids.length, 1]), rows, shape);
    const { unique, place } = distinct(ids);
    const sums = unique.length === ids.length ? rows : sumEqualIds(rows, place, unique.length);
    const targets = unique.length === ids.length ? ids : unique;
    return tf.scatterND(fromInts(targets, [targets.length, 1]), sums, shape);
  });
}
