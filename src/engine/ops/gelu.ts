// GELU (Hendrycks and Gimpel 2016), with the error function or by its usual approximation, and GeGLU (Shazeer 2020):
// gelu(gate) * up.
import * as tf from '@tensorflow/tfjs-core';
import { scope, type Tensor } from '../tensor';

export type GeluForm = 'exact' | 'tanh';

const ROOT = Math.sqrt(2 / Math.PI);
const CUBIC = 0.044715;

/** What z is multiplied with: the normal distribution at z, or what stands for it. */
function share(z: Tensor, form: GeluForm): Tensor {
  const bent = form === 'exact' ? tf.erf(tf.mul(z, Math.SQRT1_2)) : tf.tanh(inner(z));
  return tf.mul(tf.add(bent, 1), 0.5);
}

const inner = (z: Tensor): Tensor => tf.mul(tf.add(z, tf.mul(tf.mul(tf.square(z), z), CUBIC)), ROOT);

/** z times the derivative of `share`. */
function bend(z: Tensor, form: GeluForm): Tensor {
  if (form === 'exact') {
    return tf.mul(tf.mul(z, tf.exp(tf.mul(tf.square(z), -0.5))), 1 / Math.sqrt(2 * Math.PI));
  }
  const slope = tf.sub(1, tf.square(tf.tanh(inner(z))));
  const rise = tf.mul(tf.add(tf.mul(tf.square(z), 3 * CUBIC), 1), ROOT / 2);
  return tf.mul(tf.mul(z, slope), rise);
}

export const gelu = (z: Tensor, form: GeluForm): Tensor => scope(() => tf.mul(z, share(z, form)));

export const geluGradient = (dy: Tensor, z: Tensor, form: GeluForm): Tensor =>
  scope(() => tf.mul(dy, tf.add(share(z, form), bend(z, form))));

/** Both inputs [rows, size]. */
export const geglu = (gate: Tensor, up: Tensor, form: GeluForm): Tensor =>
  scope(() => tf.mul(gelu(gate, form), up));

export function gegluGradient(
  dActivation: Tensor,
  gate: Tensor,
  up: Tensor,
  form: GeluForm,
): { dGate: Tensor; dUp: Tensor } {
  return scope(() => ({
    dGate: geluGradient(tf.mul(dActivation, up), gate, form),
    dUp: tf.mul(dActivation, gelu(gate, form)),
  }));
}
