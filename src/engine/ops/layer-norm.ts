// Layer normalisation (Ba et al. 2016): y = (x - mean) / sqrt(variance + eps) * weight + bias.
import * as tf from '@tensorflow/tfjs-core';
import { scope, type Tensor } from '../tensor';

export interface LayerNormOutput {
  /** [rows, size] */
  y: Tensor;
  /** (x - mean) / deviation, [rows, size]. */
  normalized: Tensor;
  /** [rows, 1] */
  inverseDeviation: Tensor;
}

export type LayerNormSaved = Pick<LayerNormOutput, 'normalized' | 'inverseDeviation'>;

/** @param x [rows, size]; @param weight, bias [size]; a bias of null is none. */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor | null, epsilon: number): LayerNormOutput {
  return scope(() => {
    const centred = tf.sub(x, tf.mean(x, 1, true));
    const inverseDeviation = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
    const normalized = tf.mul(centred, inverseDeviation);
    const scaled = tf.mul(normalized, weight);
    return { y: bias === null ? scaled : tf.add(scaled, bias), normalized, inverseDeviation };
  });
}

/** @returns dx [rows, size]. */
export function layerNormInputGradient(
  dy: Tensor,
  weight: Tensor,
  { normalized, inverseDeviation }: LayerNormSaved,
): Tensor {
  return scope(() => {
    const d = tf.mul(dy, weight);
    const projection = tf.mul(normalized, tf.mean(tf.mul(d, normalized), 1, true));
    return tf.mul(tf.sub(tf.sub(d, tf.mean(d, 1, true)), projection), inverseDeviation);
  });
}

/** @returns gradients of weight and bias, [size]. */
export function layerNormWeightGradients(
  dy: Tensor,
  { normalized }: Pick<LayerNormSaved, 'normalized'>,
): { dWeight: Tensor; dBias: Tensor } {
  return scope(() => ({ dWeight: tf.sum(tf.mul(dy, normalized), 0), dBias: tf.sum(dy, 0) }));
}
