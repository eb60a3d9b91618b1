// SwiGLU (Shazeer 2020): a = silu(gate) * up, silu(z) = z * sigmoid(z).
import * as tf from '@tensorflow/tfjs-core';
import { scope, type Tensor } from '../tensor';

export interface SwigluOutput {
  /** silu(gate) * up */
  activation: Tensor;
  sigmoid: Tensor;
}

/** Both inputs [rows, size]. */
export function swiglu(gate: Tensor, up: Tensor): SwigluOutput {
  return scope(() => {
    const sigmoid = tf.sigmoid(gate);
    return { activation: tf.mul(tf.mul(gate, sigmoid), up), sigmoid };
  });
}

/** d silu / dz = s * (1 + z * (1 - s)). */
export function swigluGradient(
  dActivation: Tensor,
  gate: Tensor,
  up: Tensor,
  sigmoid: Tensor,
): { dGate: Tensor; dUp: Tensor } {
  return scope(() => {
    const silu = tf.mul(gate, sigmoid);
    // s + z s (1 - s) = s + silu - silu s
    const slope = tf.add(sigmoid, tf.sub(silu, tf.mul(silu, sigmoid)));
    return { dGate: tf.mul(tf.mul(dActivation, up), slope), dUp: tf.mul(dActivation, silu) };
  });
}
