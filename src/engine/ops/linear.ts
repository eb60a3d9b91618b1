// y = x W (+ scale * dropout(x) A B): a projection with an optional LoRA side path (Hu et al. 2021). Weights are kept
// [in, out], the transpose of Hugging Face's layout, so that the forward product needs no transpose.
import * as tf from '@tensorflow/tfjs-core';
import { scope, type Tensor } from '../tensor';
import { matMul } from './mat-mul';

export interface LoraPair {
  /** [in, rank] */
  a: Tensor;
  /** [rank, out] */
  b: Tensor;
  /** alpha / rank */
  scale: number;
}

export interface LinearWeights {
  /** [in, out] */
  weight: Tensor;
  lora: LoraPair | null;
}

/**
 * @param x [rows, in]; @param mask what x is multiplied with before A: 0 or 1 / (1 - dropout), same shape; null is off.
 * @returns [rows, out].
 */
export function linear(x: Tensor, { weight, lora }: LinearWeights, mask: Tensor | null): Tensor {
  return scope(() => {
    const base = matMul(x, weight);
    if (lora === null) return base;
    const inner = matMul(mask === null ? x : tf.mul(x, mask), lora.a);
    return tf.add(base, matMul(tf.mul(inner, lora.scale), lora.b));
  });
}

/** Gradient by the input through base and side path, [rows, in]. */
export function linearInputGradient(
  dy: Tensor,
  { weight, lora }: LinearWeights,
  mask: Tensor | null,
): Tensor {
  return scope(() => {
    const base = matMul(dy, weight, { transposeB: true });
    if (lora === null) return base;
    const dInner = tf.mul(matMul(dy, lora.b, { transposeB: true }), lora.scale);
    const side = matMul(dInner, lora.a, { transposeB: true });
    return tf.add(base, mask === null ? side : tf.mul(side, mask));
  });
}

/** x^T dy, [in, out]. */
export function linearWeightGradient(x: Tensor, dy: Tensor): Tensor {
  return matMul(x, dy, { transposeA: true });
}

/** Gradients of the LoRA pair. */
export function loraGradients(
  x: Tensor,
  dy: Tensor,
  lora: LoraPair,
  mask: Tensor | null,
): { dA: Tensor; dB: Tensor } {
  return scope(() => {
    const input = mask === null ? x : tf.mul(x, mask);
    const scaled = tf.mul(dy, lora.scale);
    const dB = matMul(matMul(input, lora.a), scaled, { transposeA: true });
    const dA = matMul(input, matMul(scaled, lora.b, { transposeB: true }), { transposeA: true });
    return { dA, dB };
  });
}
