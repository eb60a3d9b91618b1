// Matrix products, each by the fast way of the active backend: on wasm operands are transposed before the product
// (its transpose flags are five times slower), elsewhere the product's own flags do it. Results belong to the caller.
import * as tf from '@tensorflow/tfjs-core';
import { scope, type Tensor } from '../tensor';
import { wasmBatchedMatMul } from './wasm-batched-mat-mul';

export interface Transposes {
  transposeA?: boolean;
  transposeB?: boolean;
}

export const onWasm = (): boolean => tf.getBackend() === 'wasm';

/** a [m, k] times b [k, n]; with a flag the operand is given as its transpose. @returns [m, n]. */
export function matMul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: Transposes = {},
): Tensor {
  if (!onWasm()) return tf.matMul(a, b, transposeA, transposeB);
  return scope(() =>
    tf.matMul(transposeA ? tf.transpose(a) : a, transposeB ? tf.transpose(b) : b, false, false),
  );
}

/** Like `matMul` for each matrix of a batch: [n, m, k] times [n, k, l]. @returns [n, m, l]. */
export function batchedMatMul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: Transposes = {},
): Tensor {
  if (!onWasm()) return tf.matMul(a, b, transposeA, transposeB);
  return scope(() =>
    wasmBatchedMatMul(
      (transposeA ? tf.transpose(a, [0, 2, 1]) : a) as tf.Tensor3D,
      (transposeB ? tf.transpose(b, [0, 2, 1]) : b) as tf.Tensor3D,
    ),
  );
}
