// Causal attention with grouped queries (Ainslie et al. 2023). The query heads that share a key head stand below each
// other in one matrix, so that each (sequence, key head) is a plain product. Probabilities are kept for the backward
// pass: this is the eager engine, long sequences are what recomputation per block is for.
import * as tf from '@tensorflow/tfjs-core';
import { fromFloats, scope, type Tensor } from '../tensor';
import { batchedMatMul } from './mat-mul';

/** Added to a score that must not count: exp of it is 0 in float32 beside any real score. */
const MASKED = -1e9;

export interface AttentionShape {
  rows: number;
  length: number;
  heads: number;
  kvHeads: number;
  headSize: number;
}

/** What the backward pass needs; g = rows * kvHeads matrices, r = heads / kvHeads. */
export interface AttentionSaved {
  /** Scaled queries, [g, r * length, headSize]. */
  q: Tensor;
  /** [g, length, headSize] */
  k: Tensor;
  /** [g, length, headSize] */
  v: Tensor;
  /** [g, r * length, length] */
  probabilities: Tensor;
  /** [g, r * length, headSize] */
  output: Tensor;
}

/** True when no row holds more than one sample: then the causal mask is enough, as padding stands at the end. */
function singleSegments(segments: Int32Array, rows: number, length: number): boolean {
  for (let row = 0; row < rows; row += 1) {
    const first = segments[row * length];
    for (let i = 1; i < length; i += 1) {
      const segment = segments[row * length + i];
      if (segment !== first && segment !== -1) return false;
    }
  }
  return true;
}

function fillMask(
  mask: Float32Array,
  segments: Int32Array,
  row: number,
  { length, window }: { length: number; window: number },
): void {
  const base = row * length;
  for (let query = 0; query < length; query += 1) {
    const segment = segments[base + query];
    const line = (base + query) * length;
    for (let key = Math.max(0, query - window + 1); key <= query; key += 1) {
      if (segments[base + key] === segment) mask[line + key] = 0;
    }
  }
}

/**
 * What is added to the scores: [rows or 1, 1, length, length].
 * @param segments as in TokenBatch; @param window a token sees itself and the `window - 1` tokens before it; null: all.
 */
export function attentionMask(
  segments: Int32Array,
  rows: number,
  length: number,
  window: number | null = null,
): Tensor {
  const reach = { length, window: window ?? length };
  if (singleSegments(segments, rows, length)) {
    const mask = new Float32Array(length * length).fill(MASKED);
    fillMask(mask, new Int32Array(length), 0, reach);
    return fromFloats(mask, [1, 1, length, length]);
  }
  const mask = new Float32Array(rows * length * length).fill(MASKED);
  for (let row = 0; row < rows; row += 1) fillMask(mask, segments, row, reach);
  return fromFloats(mask, [rows, 1, length, length]);
}

/** [rows * length, heads, headSize] to [rows * kvHeads, heads / kvHeads * length, headSize]. */
function toGroups(x: Tensor, { rows, length, kvHeads, headSize }: AttentionShape, heads: number): Tensor {
  const split = tf.reshape(x, [rows, length, heads, headSize]);
  const turned = tf.transpose(split, [0, 2, 1, 3]);
  return tf.reshape(turned, [rows * kvHeads, (heads / kvHeads) * length, headSize]);
}

/** The way back: [rows * length, heads, headSize]. */
function fromGroups(x: Tensor, { rows, length, headSize }: AttentionShape, heads: number): Tensor {
  const split = tf.reshape(x, [rows, heads, length, headSize]);
  return tf.reshape(tf.transpose(split, [0, 2, 1, 3]), [rows * length, heads, headSize]);
}

/**
 * @param q [rows * length, heads, headSize], rotated; @param k, v [rows * length, kvHeads, headSize], k rotated.
 * @returns y [rows * length, heads * headSize] and what the backward pass needs.
 */
export function attention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  mask: Tensor,
  shape: AttentionShape,
): { y: Tensor; saved: AttentionSaved } {
  const { rows, length, heads, kvHeads, headSize } = shape;
  return scope(() => {
    const queries = toGroups(tf.mul(q, 1 / Math.sqrt(headSize)), shape, heads);
    const keys = toGroups(k, shape, kvHeads);
    const values = toGroups(v, shape, kvHeads);
    const scores = batchedMatMul(queries, keys, { transposeB: true });
    const masked = tf.add(tf.reshape(scores, [rows, heads, length, length]), mask);
    const groups = [rows * kvHeads, (heads / kvHeads) * length, length];
    const probabilities = tf.reshape(tf.softmax(masked), groups);
    const output = batchedMatMul(probabilities, values);
    const y = tf.reshape(fromGroups(output, shape, heads), [rows * length, heads * headSize]);
    return { y, saved: { q: queries, k: keys, v: values, probabilities, output } };
  });
}

/** @param dy [rows * length, heads * headSize]. @returns gradients in the shapes of q, k and v of `attention`. */
export function attentionGradient(
  dy: Tensor,
  { q, k, v, probabilities, output }: AttentionSaved,
  shape: AttentionShape,
): { dq: Tensor; dk: Tensor; dv: Tensor } {
  const { rows, length, heads, kvHeads, headSize } = shape;
  return scope(() => {
    const dOutput = toGroups(tf.reshape(dy, [rows * length, heads, headSize]), shape, heads);
    const dv = batchedMatMul(probabilities, dOutput, { transposeA: true });
    const dProbabilities = batchedMatMul(dOutput, v, { transposeB: true });
    // sum_j P_j dP_j = dO . O, which is over headSize instead of length (Dao et al. 2022, appendix B).
    const inner = tf.sum(tf.mul(dOutput, output), 2, true);
    const dScores = tf.mul(probabilities, tf.sub(dProbabilities, inner));
    const dq = tf.mul(batchedMatMul(dScores, k), 1 / Math.sqrt(headSize));
    const dk = batchedMatMul(dScores, q, { transposeA: true });
    return {
      dq: fromGroups(dq, shape, heads),
      dk: fromGroups(dk, shape, kvHeads),
      dv: fromGroups(dv, shape, kvHeads),
    };
  });
}
