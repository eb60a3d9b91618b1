// The engine's view of tfjs: opaque tensors, their scopes and their way in and out of the backend. Everything that is
// returned from a scope belongs to the caller, who disposes it; everything else made inside is freed when it ends.
import * as tf from '@tensorflow/tfjs-core';

/** An array on the active backend. Opaque outside the engine. */
export type Tensor = tf.Tensor;

/** Runs `work` and frees every tensor made in it that is not part of the result (alone, or in arrays and records). */
export function scope<Result>(work: () => Result): Result {
  return tf.tidy(work as () => tf.TensorContainer) as Result;
}

export function fromFloats(data: Float32Array, shape: readonly number[]): Tensor {
  return tf.tensor(data, [...shape], 'float32');
}

export function fromInts(data: Int32Array, shape: readonly number[]): Tensor {
  return tf.tensor(data, [...shape], 'int32');
}

export function zeros(shape: readonly number[]): Tensor {
  return tf.zeros([...shape], 'float32');
}

/** The values, row-major, in memory of their own. */
export async function readFloats(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
  return (await tensor.data<'float32'>()) as Float32Array<ArrayBuffer>;
}

/** A second owner of the same memory: no copy. */
export function share(tensor: Tensor): Tensor {
  return tf.clone(tensor);
}

/** Takes a tensor out of every open scope: from now on its holder disposes it. */
export function keep(tensor: Tensor): Tensor {
  return tf.keep(tensor);
}

/** Frees tensors, alone or nested in arrays and records; null is no error. */
export function dispose(tensors: unknown): void {
  tf.dispose(tensors as tf.TensorContainer);
}

/** What the backend holds now. */
export function tensorMemory(): { tensors: number; bytes: number } {
  const { numTensors, numBytes } = tf.memory();
  return { tensors: numTensors, bytes: numBytes };
}
