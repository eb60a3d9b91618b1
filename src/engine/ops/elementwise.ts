// The few plain operations that model families use between the fused ones. Results belong to the caller.
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '../tensor';

export function add(a: Tensor, b: Tensor): Tensor {
  return tf.add(a, b);
}

export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  return tf.reshape(x, [...shape]);
}

/** [a, b] to [b, a]. */
export function transposed(x: Tensor): Tensor {
  return tf.transpose(x);
}

export function scaled(x: Tensor, factor: number): Tensor {
  return tf.mul(x, factor);
}
