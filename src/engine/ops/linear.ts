// y = x W (+ scale * dropout(x) A B): a projection with an optional LoRA side path (Hu et al. 2021), with DoRA times
// magnitude / norm. Weights are kept [in, out], the transpose of Hugging Face's layout, so that the forward product needs
// no transpose.
import * as tf from '@tensorflow/tfjs-core';
import { scope, type Tensor } from '../tensor';
import { matMul } from './mat-mul';

export interface LoraSide {
  /** [in, rank] */
  a: Tensor;
  /** [rank, out] */
  b: Tensor;
  /** alpha / rank, or alpha / sqrt(rank). */
  scale: number;
}

/** Weight-decomposed (Liu et al. 2024): outputs are divided by the lengths of the adapted rows and given new ones. */
export interface Dora {
  /** [out], trained. */
  magnitude: Tensor;
  /** [out], a constant of the gradient. */
  norms: Tensor;
}

export interface LoraPair extends LoraSide {
  dora: Dora | null;
}

export interface LinearWeights {
  /** [in, out] */
  weight: Tensor;
  lora: LoraPair | null;
  /** [out], added to every row after all else; absent or null is none. */
  bias?: Tensor | null;
}

/**
 * @param x [rows, in]; @param mask what x is multiplied with before A: 0 or 1 / (1 - dropout), same shape; null is off.
 * @returns [rows, out].
 */
export function linear(x: Tensor, weights: LinearWeights, mask: Tensor | null): Tensor {
  const { lora, bias = null } = weights;
  return scope(() => {
    const y = direction(x, weights, mask);
    const whole = lora === null ? y : stretched(y, lora);
    return bias === null ? whole : tf.add(whole, bias);
  });
}

/** Base and side path together. */
function direction(x: Tensor, { weight, lora }: LinearWeights, mask: Tensor | null): Tensor {
  const base = matMul(x, weight);
  if (lora === null) return base;
  const inner = matMul(mask === null ? x : tf.mul(x, mask), lora.a);
  return tf.add(base, matMul(tf.mul(inner, lora.scale), lora.b));
}

/** Times magnitude / norm where there is DoRA: of outputs, or of their gradient. */
const stretched = (y: Tensor, { dora }: LoraPair): Tensor =>
  dora === null ? y : tf.mul(y, tf.div(dora.magnitude, dora.norms));

/** Keeps rows of zeros divisible. */
const LEAST_NORM = 1e-20;

/** Lengths of the columns of W + scale A B, [out]. */
export function adaptedNorms(weight: Tensor, { a, b, scale }: LoraSide): Tensor {
  return scope(() => columnNorms(tf.add(weight, tf.mul(matMul(a, b), scale))));
}

/** Lengths of the columns of W, [out]. */
export function columnNorms(weight: Tensor): Tensor {
  return scope(() => tf.maximum(tf.sqrt(tf.sum(tf.square(weight), 0)), LEAST_NORM));
}

/** Gradient by the input through base and side path, [rows, in]. */
export function linearInputGradient(
  dy: Tensor,
  { weight, lora }: LinearWeights,
  mask: Tensor | null,
): Tensor {
  return scope(() => {
    if (lora === null) return matMul(dy, weight, { transposeB: true });
    const d = stretched(dy, lora);
    const base = matMul(d, weight, { transposeB: true });
    const dInner = tf.mul(matMul(d, lora.b, { transposeB: true }), lora.scale);
    const side = matMul(dInner, lora.a, { transposeB: true });
    return tf.add(base, mask === null ? side : tf.mul(side, mask));
  });
}

/** The sum of rows: a product with ones, the fast way on every backend. @returns [out]. */
export function biasGradient(dy: Tensor): Tensor {
  return scope(() => {
    const [rows = 0, size = 0] = dy.shape;
    return tf.reshape(tf.matMul(tf.ones([1, rows]), dy), [size]);
  });
}

/** x^T dy, [in, out]. */
export function linearWeightGradient(x: Tensor, dy: Tensor, lora: LoraPair | null = null): Tensor {
  return scope(() => matMul(x, lora === null ? dy : stretched(dy, lora), { transposeA: true }));
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
    const scaled = tf.mul(stretched(dy, lora), lora.scale);
    const dB = matMul(matMul(input, lora.a), scaled, { transposeA: true });
    const dA = matMul(input, matMul(scaled, lora.b, { transposeB: true }), { transposeA: true });
    return { dA, dB };
  });
}

/** Gradient of DoRA's magnitudes, [out]; the outputs are worked out again. */
export function magnitudeGradient(
  x: Tensor,
  dy: Tensor,
  weights: LinearWeights,
  dora: Dora,
  mask: Tensor | null,
): Tensor {
  return scope(() => tf.div(tf.sum(tf.mul(dy, direction(x, weights, mask)), 0), dora.norms));
}
