// One vector of the vectors of a text's tokens, as Sentence Transformers has it. Pure.
import type { Pooling } from './embedding-config';

/**
 * @param vectors [tokens, size], of one text; what fills up comes last.
 * @param tokens how many are the text's own, at least 1.
 * @returns [size]
 */
export function poolTokens(
  vectors: Float32Array,
  tokens: number,
  size: number,
  pooling: Pooling,
): Float32Array<ArrayBuffer> {
  const row = (index: number): Float32Array<ArrayBuffer> =>
    Float32Array.from(vectors.subarray(index * size, (index + 1) * size));
  if (pooling === 'cls') return row(0);
  if (pooling === 'last') return row(tokens - 1);
  const result = row(0);
  for (let token = 1; token < tokens; token += 1) {
    for (let i = 0; i < size; i += 1) {
      const [sofar, next] = [result[i] ?? 0, vectors[token * size + i] ?? 0];
      result[i] = pooling === 'max' ? Math.max(sofar, next) : sofar + next;
    }
  }
  return pooling === 'max' ? result : result.map((sum) => sum / tokens);
}

/** To length 1; a vector of zeros stays one. */
export function normalised(vector: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}
