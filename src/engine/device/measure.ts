// A short speed measurement of the active backend: a square product, warmed up, best of three. A small one comes first:
// a device that is slow at it (a GPU played by software) is not asked for the large one, which could take a minute.
import * as tf from '@tensorflow/tfjs-core';

const SMALL = 128;
const LARGE = 512;
const REPEATS = 3;
/** Longest that one large product may be expected to take. */
const PATIENCE_MS = 1_000;

async function timeProduct(a: tf.Tensor, b: tf.Tensor): Promise<number> {
  const start = performance.now();
  const corner = tf.tidy(() => tf.slice(tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D), [0, 0], [1, 1]));
  // Reading a value back is what waits for the GPU.
  await corner.data();
  corner.dispose();
  return performance.now() - start;
}

/** Milliseconds of the fastest of several products. */
async function bestTime(size: number): Promise<number> {
  const [a, b] = [tf.ones([size, size]), tf.ones([size, size])];
  try {
    await timeProduct(a, b);
    let best = Infinity;
    for (let i = 0; i < REPEATS; i += 1) best = Math.min(best, await timeProduct(a, b));
    return Math.max(best, 0.01);
  } finally {
    tf.dispose([a, b]);
  }
}

const gflops = (size: number, milliseconds: number): number => (2 * size ** 3) / (milliseconds * 1e6);

/** GFLOP/s of a 512 x 512 product in float32, or of a 128 x 128 one where that is already slow. */
export async function measureGflops(): Promise<number> {
  const small = await bestTime(SMALL);
  if (small * (LARGE / SMALL) ** 3 > PATIENCE_MS) return gflops(SMALL, small);
  return gflops(LARGE, await bestTime(LARGE));
}
