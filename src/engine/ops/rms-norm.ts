// Root mean square normalisation (Zhang and Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * weight.
import * as tf from '@tensorflow/tfjs-core';
import { scope, type Tensor } from '../tensor';

export interface RmsNormOutput {
  /** [rows, size] */
  y: Tensor;
  /** x times inverse root mean square, [rows, size]. */
  normalized: Tensor;
  /** [rows, 1] */
  inverseRms: Tensor;
}

/** @param x [rows, size]; @param weight [size]. */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): RmsNormOutput {
  return scope(() => {
    const inverseRms = tf.rsqrt(tf.add(tf.mean(tf.square(x), 1, true), epsilon));
    const normalized = tf.mul(x, inverseRms);
    return { y: tf.mul(normalized, weight), normalized, inverseRms };
  });
}

/** @returns dx [rows, size]. */
export function rmsNormInputGradient(
  dy: Tensor,
  weight: Tensor,
  { normalized, inverseRms }: Pick<RmsNormOutput, 'normalized' | 'inverseRms'>,
): Tensor {
  return scope(() => {
    const dn = tf.mul(dy, weight);
    const projection = tf.mul(normalized, tf.mean(tf.mul(dn, normalized), 1, true));
    return tf.mul(tf.sub(dn, projection), inverseRms);
  });
}

/** @returns dWeight [size]: a product with ones, the fast way to sum columns on every backend. */
export function rmsNormWeightGradient(dy: Tensor, { normalized }: Pick<RmsNormOutput, 'normalized'>): Tensor {
  return scope(() => {
    const rows = dy.shape[0] ?? 0;
    const size = dy.shape[1] ?? 0;
    return tf.reshape(tf.matMul(tf.ones([1, rows]), tf.mul(dy, normalized)), [size]);
  });
}
