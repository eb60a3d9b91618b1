import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { EngineDevice } from '../engine';
import type { TokenBatch } from '../protocol/batches';
import { toyConfig } from '../training/testing/recording-sink';
import { llamaFamily } from './families/llama';
import { parseLlamaConfig } from './families/llama';
import { randomWeights } from './decoder/random-weights';
import { planTraining } from './memory-budget';

/** How far the arithmetic may be from what the backend held at its fullest. */
const FACTOR = 1.25;

const CONFIG = {
  vocab_size: 256,
  hidden_size: 32,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 96,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};

function batch(rows: number, length: number): TokenBatch {
  const tokens = Int32Array.from({ length: rows * length }, (_, i) => (i * 7) % 256);
  return {
    rows,
    length,
    tokens,
    labels: tokens.map((token) => (token + 1) % 256),
    positions: tokens.map((_, i) => i % length),
    segments: new Int32Array(rows * length),
    targetTokens: rows * length,
  };
}

/** Bytes at the fullest moment of a training step that follows another one. */
async function peakBytes(method: 'lora' | 'full', rows: number, length: number): Promise<number> {
  const plan = llamaFamily.plan(CONFIG);
  const weights = randomWeights(parseLlamaConfig(CONFIG), 1);
  const read = (name: string) =>
    Promise.resolve(weights.get(name) ?? { shape: [], data: new Float32Array() });
  const runtime = await plan.load(read, null);
  const training =
    method === 'full'
      ? await runtime.createFullTraining()
      : await runtime.createLoraTraining(toyConfig().lora, 1, null);
  const step = { targetTokens: rows * length, learningRate: 1e-3, weightDecay: 0, maxGradNorm: 1 };
  await training.accumulate(batch(rows, length), 0);
  await training.step(step);
  // Every kernel of the profile notes all bytes the backend holds by then.
  const { peakBytes: most } = await tf.profile(async () => {
    await training.accumulate(batch(rows, length), 1);
    await training.step(step);
    return [];
  });
  training.dispose();
  runtime.dispose();
  return most;
}

beforeAll(async () => {
  await new EngineDevice({ wasmPaths: null, gpu: null }).select('wasm');
});

describe('planTraining', () => {
  it('a base in few bits without the planned engine: refused, for estimates and for loading', async () => {
    const plan = llamaFamily.plan(CONFIG);
    const config = toyConfig({ baseStorage: 'int4' });
    expect(() => planTraining(plan, config, null, null)).toThrow('Weights in int4 need WebGPU');
    const read = () => Promise.resolve({ shape: [], data: new Float32Array() });
    await expect(plan.load(read, null, 'f16')).rejects.toMatchObject({
      code: 'model.unsupported',
      remedy: 'Keep the weights in f32, or choose WebGPU in the settings.',
    });
  });

  it.each([
    ['lora', 2, 32],
    ['lora', 1, 64],
    ['full', 2, 32],
  ] as const)(
    'planTraining: the estimate for %s, %i x %i tokens is near the peak of a step',
    async (method, rows, length) => {
      const config = toyConfig({ method, batchSize: rows, sequenceLength: length });
      const { memory } = planTraining(llamaFamily.plan(CONFIG), config, null, null);
      const measured = await peakBytes(method, rows, length);
      expect(memory.totalBytes / measured).toBeGreaterThan(1 / FACTOR);
      expect(memory.totalBytes / measured).toBeLessThan(FACTOR);
    },
  );
});
