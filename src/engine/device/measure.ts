// A short speed measurement of the active backend: one square product, warmed up, best of three.
import * as tf from '@tensorflow/tfjs-core';

const SIZE = 512;
const REPEATS = 3;

async function timeProduct(a: tf.Tensor, b: tf.Tensor): Promise<number> {
  const start = performance.now();
  const corner = tf.tidy(() => tf.slice(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D), [0, 0], [1, 1]));
  // Reading a value back is what waits for the GPU.
  await corner.data();
  corner.dispose();
  return performance.now() - start;
}

/** GFLOP/s of a 512 x 512 product in float32. */
export async function measureGflops(): Promise<number> {
  const [a, b] = [tf.ones([SIZE, SIZE]), tf.ones([SIZE, SIZE])];
  try {
    await timeProduct(a, b);
    let best = Infinity;
    for (let i = 0; i < REPEATS; i += 1) best = Math.min(best, await timeProduct(a, b));
    return (2 * SIZE ** 3) / (Math.max(best, 0.01) * 1e6);
  } finally {
    tf.dispose([a, b]);
  }
}
