// Rotary position embedding (Su et al. 2021), Hugging Face layout: element i turns together with i + size / 2.
// The rotation is a product with a constant signed permutation, so it stays a few plain kernels on every backend, and
// its gradient is the rotation back.
import * as tf from '@tensorflow/tfjs-core';
import { fromFloats, scope, type Tensor } from '../tensor';

/** Angles of one batch; disposed by whoever made it. */
export interface RopeTables {
  /** [tokens, 1, headSize] */
  cos: Tensor;
  /** [tokens, 1, headSize] */
  sin: Tensor;
  /** [headSize, headSize]: x times it is (-second half, first half). */
  rotation: Tensor;
}

function rotationMatrix(headSize: number): Float32Array {
  const half = headSize / 2;
  const matrix = new Float32Array(headSize * headSize);
  for (let i = 0; i < half; i += 1) {
    matrix[(i + half) * headSize + i] = -1;
    matrix[i * headSize + i + half] = 1;
  }
  return matrix;
}

/** @param inverseFrequencies radians per position, headSize / 2 of them. */
export function ropeTables(positions: Int32Array, inverseFrequencies: Float64Array): RopeTables {
  const half = inverseFrequencies.length;
  const headSize = half * 2;
  const cos = new Float32Array(positions.length * headSize);
  const sin = new Float32Array(positions.length * headSize);
  positions.forEach((position, token) => {
    for (let i = 0; i < half; i += 1) {
      const angle = position * (inverseFrequencies[i] ?? 0);
      const first = token * headSize + i;
      cos[first] = cos[first + half] = Math.cos(angle);
      sin[first] = sin[first + half] = Math.sin(angle);
    }
  });
  const shape = [positions.length, 1, headSize];
  return {
    cos: fromFloats(cos, shape),
    sin: fromFloats(sin, shape),
    rotation: fromFloats(rotationMatrix(headSize), [headSize, headSize]),
  };
}

function rotated(x: Tensor, rotation: Tensor): Tensor {
  const headSize = rotation.shape[0] ?? 0;
  return tf.reshape(tf.matMul(tf.reshape(x, [-1, headSize]), rotation), x.shape);
}

/** @param x [tokens, heads, headSize]. @returns the same shape. */
export function rope(x: Tensor, { cos, sin, rotation }: RopeTables): Tensor {
  return scope(() => tf.add(tf.mul(x, cos), tf.mul(rotated(x, rotation), sin)));
}

/** The rotation by the opposite angle: dx of `rope`. */
export function ropeGradient(dy: Tensor, { cos, sin, rotation }: RopeTables): Tensor {
  return scope(() => tf.sub(tf.mul(dy, cos), tf.mul(rotated(dy, rotation), sin)));
}
