// Attention of new tokens over kept keys and values. Caches have a capacity, not a length: sizes change rarely, so that
// the backend's buffers are used again, and what lies past the length is masked. Caches are values: writing makes a new
// one, the caller disposes the old.
import * as tf from '@tensorflow/tfjs-core';
import { fromFloats, scope, zeros, type Tensor } from '../tensor';
import { batchedMatMul } from './mat-mul';

const MASKED = -1e9;

export interface KeyValueCache {
  /** Rotated keys, [kvHeads, headSize, capacity]: already the right operand of the scores. */
  keys: Tensor;
  /** [kvHeads, capacity, headSize] */
  values: Tensor;
}

export function emptyCache(kvHeads: number, headSize: number, capacity: number): KeyValueCache {
  return { keys: zeros([kvHeads, headSize, capacity]), values: zeros([kvHeads, capacity, headSize]) };
}

const capacityOf = ({ values }: KeyValueCache): number => values.shape[1] ?? 0;

/** A copy with room for `capacity` positions. */
export function grownCache(cache: KeyValueCache, capacity: number): KeyValueCache {
  const extra = capacity - capacityOf(cache);
  return scope(() => ({
    keys: tf.pad(cache.keys, [
      [0, 0],
      [0, 0],
      [0, extra],
    ]),
    values: tf.pad(cache.values, [
      [0, 0],
      [0, extra],
      [0, 0],
    ]),
  }));
}

/** One position of a cache, chosen and all others: ones and zeros. The same for every layer. */
export interface CacheSlot {
  /** [1, 1, capacity] */
  chosenKey: Tensor;
  otherKeys: Tensor;
  /** [1, capacity, 1] */
  chosenValue: Tensor;
  otherValues: Tensor;
}

export function cacheSlot(position: number, capacity: number): CacheSlot {
  const chosen = new Float32Array(capacity);
  chosen[position] = 1;
  const others = chosen.map((one) => 1 - one);
  return {
    chosenKey: fromFloats(chosen, [1, 1, capacity]),
    otherKeys: fromFloats(others, [1, 1, capacity]),
    chosenValue: fromFloats(chosen, [1, capacity, 1]),
    otherValues: fromFloats(others, [1, capacity, 1]),
  };
}

/**
 * The cache with a single new position: blended in, which costs no slices and no new sizes.
 * @param k, v [1, kvHeads, headSize], k rotated.
 */
export function cacheWithOne(cache: KeyValueCache, k: Tensor, v: Tensor, slot: CacheSlot): KeyValueCache {
  const [, kvHeads, headSize] = k.shape as [number, number, number];
  return scope(() => {
    // Of a single token the turned arrays are the same numbers in the same order.
    const keys = tf.reshape(k, [kvHeads, headSize, 1]);
    const values = tf.reshape(v, [kvHeads, 1, headSize]);
    return {
      keys: tf.add(tf.mul(cache.keys, slot.otherKeys), tf.mul(keys, slot.chosenKey)),
      values: tf.add(tf.mul(cache.values, slot.otherValues), tf.mul(values, slot.chosenValue)),
    };
  });
}

function withMany(cache: KeyValueCache, keys: Tensor, values: Tensor, position: number): KeyValueCache {
  const [kvHeads, count, headSize] = values.shape as [number, number, number];
  const rest = capacityOf(cache) - position - count;
  const keyParts = [keys, tf.zeros([kvHeads, headSize, rest])];
  const valueParts = [values, tf.zeros([kvHeads, rest, headSize])];
  if (position > 0) {
    keyParts.unshift(tf.slice(cache.keys, [0, 0, 0], [kvHeads, headSize, position]));
    valueParts.unshift(tf.slice(cache.values, [0, 0, 0], [kvHeads, position, headSize]));
  }
  return { keys: tf.concat(keyParts, 2), values: tf.concat(valueParts, 1) };
}

/**
 * The cache with new positions written from `position` on; what was past it is forgotten.
 * @param k, v [tokens, kvHeads, headSize], k rotated.
 */
export function cacheWith(cache: KeyValueCache, k: Tensor, v: Tensor, position: number): KeyValueCache {
  return scope(() => {
    const keys = tf.transpose(k, [1, 2, 0]);
    const values = tf.transpose(v, [1, 0, 2]);
    return withMany(cache, keys, values, position);
  });
}

/**
 * Token i may look at positions up to `position + i`, and with a window at no more than the last so many of them:
 * [1, groupSize * tokens, capacity].
 */
export function cacheMask(
  position: number,
  tokens: number,
  capacity: number,
  groupSize: number,
  window: number | null = null,
): Tensor {
  const mask = new Float32Array(groupSize * tokens * capacity);
  for (let row = 0; row < groupSize * tokens; row += 1) {
    const end = position + (row % tokens) + 1;
    mask.fill(MASKED, row * capacity, row * capacity + Math.max(0, end - (window ?? end)));
    mask.fill(MASKED, row * capacity + end, (row + 1) * capacity);
  }
  return fromFloats(mask, [1, groupSize * tokens, capacity]);
}

/**
 * @param q [tokens, heads, headSize], rotated; @param mask from `cacheMask`.
 * @returns [tokens, heads * headSize].
 */
export function cachedAttention(q: Tensor, { keys, values }: KeyValueCache, mask: Tensor): Tensor {
  const [tokens, heads, headSize] = q.shape as [number, number, number];
  const kvHeads = values.shape[0] ?? 1;
  return scope(() => {
    const scaled = tf.mul(q, 1 / Math.sqrt(headSize));
    // A single token needs no turning, see cacheWithOne.
    const groups = tf.reshape(tokens === 1 ? scaled : tf.transpose(scaled, [1, 0, 2]), [
      kvHeads,
      (heads / kvHeads) * tokens,
      headSize,
    ]);
    const probabilities = tf.softmax(tf.add(batchedMatMul(groups, keys), mask));
    const weighted = batchedMatMul(probabilities, values);
    if (tokens === 1) return tf.reshape(weighted, [1, heads * headSize]);
    const output = tf.reshape(weighted, [heads, tokens, headSize]);
    return tf.reshape(tf.transpose(output, [1, 0, 2]), [tokens, heads * headSize]);
  });
}

/** Logits of a single row, [vocabulary]: with a tied head the embedding is the left operand and needs no transpose. */
export function rowLogits(row: Tensor, head: Tensor | null, embedding: Tensor): Tensor {
  return scope(() => {
    const product = head === null ? tf.matMul(embedding, tf.reshape(row, [-1, 1])) : tf.matMul(row, head);
    return tf.reshape(product, [-1]);
  });
}
