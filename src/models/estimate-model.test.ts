import { describe, expect, it } from 'vitest';
import type { PlanDevice } from '../engine';
import { SOFTWARE_TRAITS } from '../engine/planned';
import { defaultVariant } from '../engine/planned/tune/default-variants';
import { trainingDefaults } from '../core/config/training-config';
import { estimateModel } from './estimate-model';
import { llamaFamily } from './families/llama';
import { planTraining } from './memory-budget';

const MIB = 2 ** 20;
const CONFIG = {
  vocab_size: 1024,
  hidden_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 192,
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
};
const plan = llamaFamily.plan(CONFIG);
/** Embedding; q and o, k and v, gate, up and down; three norms. */
const PARAMETERS = 1024 * 64 + 2 * 64 * 64 + 2 * 32 * 64 + 3 * 192 * 64 + 3 * 64;
/** Keys and values of two heads of 16, for 2048 tokens. */
const CACHE_BYTES = 2 * 2 * 16 * 2048 * 4;

/** The planned engine, as far as sizes are concerned. */
function device(slabBytes = 128 * MIB): PlanDevice {
  const variantOf: PlanDevice['variantOf'] = (shape) =>
    defaultVariant(shape, { kind: 'software', subgroupLanes: 0 });
  return { traits: SOFTWARE_TRAITS, slabBytes, variantOf } as PlanDevice;
}

const planned = (limitBytes: number | null, slabBytes?: number) => {
  const plans = device(slabBytes);
  return estimateModel(plan, { limitBytes, arrayBytes: plans.slabBytes }, plans);
};
const eager = (limitBytes: number | null, arrayBytes: number | null) =>
  estimateModel(plan, { limitBytes, arrayBytes }, null);

describe('estimate model', () => {
  it('without the planned engine: 32 bits only; a chat takes the weights and 2048 tokens', () => {
    const estimate = eager(null, null);
    expect(estimate).toMatchObject({ parameters: PARAMETERS, contextLength: 4096, limitBytes: null });
    expect(estimate.chat).toEqual([{ storage: 'f32', bytes: 4 * PARAMETERS + CACHE_BYTES, fits: true }]);
    expect(estimate.train.map(({ storage }) => storage)).toEqual(['f32']);
  });

  it('a short context: a chat takes no more tokens than there are', () => {
    const short = llamaFamily.plan({ ...CONFIG, max_position_embeddings: 64 });
    const { chat } = estimateModel(short, { limitBytes: null, arrayBytes: null }, null);
    expect(chat[0]?.bytes).toBe(4 * PARAMETERS + CACHE_BYTES / 32);
  });

  it('with it: every storage, for a chat each with less than the one before', () => {
    const { chat, train } = planned(null);
    expect(train.map(({ storage }) => storage)).toEqual(['f32', 'f16', 'int8', 'int4']);
    expect(chat.map(({ storage }) => storage)).toEqual(['f32', 'f16', 'int8', 'int4']);
    const bytes = chat.map((fit) => fit.bytes);
    expect(bytes).toEqual([...new Set(bytes)].sort((a, b) => b - a));
    // Halves: two bytes for each weight, four for norms.
    expect(chat[1]?.bytes).toBeGreaterThanOrEqual(2 * PARAMETERS + CACHE_BYTES);
    expect(chat[1]?.bytes).toBeLessThan(1.05 * (2 * PARAMETERS + CACHE_BYTES));
  });

  it('a limit: what is above it does not fit, what is at it does', () => {
    const [f32, f16] = planned(null).chat;
    const { chat, limitBytes } = planned(f16?.bytes ?? 0);
    expect(limitBytes).toBe(f16?.bytes);
    expect(chat.map(({ fits }) => fits)).toEqual([false, true, true, true]);
    expect(planned((f32?.bytes ?? 0) - 1).chat[0]?.fits).toBe(false);
    expect(planned(f32?.bytes ?? 0).chat[0]?.fits).toBe(true);
  });

  it('training within a limit: a row at a time where the batch of the defaults is too much', () => {
    const config = (batchSize: number) => ({
      ...{ ...trainingDefaults, name: '', modelId: '', startFromAdapterId: null, datasetId: '' },
      ...{ batchSize, sequenceLength: 128, baseStorage: 'f32' as const },
    });
    const bytesOf = (rows: number): number =>
      planTraining(plan, config(rows), null, device()).memory.totalBytes;
    const [batch, row] = [bytesOf(trainingDefaults.batchSize), bytesOf(1)];
    expect(row).toBeLessThan(batch);
    expect(planned(null).train[0]).toMatchObject({ bytes: batch, fits: true });
    expect(planned(batch - 1).train[0]).toMatchObject({ bytes: row, fits: true });
    expect(planned(row - 1).train[0]).toMatchObject({ bytes: row, fits: false });
  });

  it('training that does not fit: what is told is the least of what was tried, at any limit', () => {
    // A row may take more than a batch, of which less is kept.
    const deep = llamaFamily.plan({ ...CONFIG, num_hidden_layers: 2, intermediate_size: 4096 });
    const plans = device();
    const train = (limitBytes: number | null) =>
      estimateModel(deep, { limitBytes, arrayBytes: plans.slabBytes }, plans).train[0];
    const [unlimited, none] = [train(null), train(1)];
    expect(none?.fits).toBe(false);
    expect(none?.bytes).toBeLessThanOrEqual(unlimited?.bytes ?? 0);
  });

  it('an array that tfjs cannot bind: does not fit whatever the memory, and is named', () => {
    const bytes = 1024 * 64 * 4;
    const { chat, train, arrayLimitBytes } = eager(null, bytes - 1);
    const oversized = { name: 'model.embed_tokens.weight', bytes, limitBytes: bytes - 1 };
    expect(arrayLimitBytes).toBe(bytes - 1);
    expect(chat).toMatchObject([{ fits: false, oversized }]);
    expect(train).toMatchObject([{ fits: false, oversized }]);
    expect(eager(null, bytes).chat[0]).not.toHaveProperty('oversized');
  });

  it('the planned engine cuts such a matrix: it fits, and the pieces are told', () => {
    const whole = planned(null).chat[0];
    expect(whole).not.toHaveProperty('cutMatrices');
    const cut = planned(null, MIB / 8).chat[0];
    expect(cut).toMatchObject({ fits: true, cutMatrices: 1 });
    expect(cut).not.toHaveProperty('oversized');
    // The same weights, and a few bytes between them.
    expect((cut?.bytes ?? 0) / (whole?.bytes ?? 1)).toBeCloseTo(1, 2);
  });

  it('four rows are the least that is cut: a device that binds less does not hold the model', () => {
    // Four rows of the matrix with 192 columns take 3072 bytes; in halves 1536.
    const { chat } = planned(null, 2048);
    expect(chat[0]).toMatchObject({ fits: false, oversized: { bytes: 3072, limitBytes: 2048 } });
    expect(chat[1]?.fits).toBe(true);
  });

  it('an array of a step that cannot be bound: training does not fit, chatting does', () => {
    // Four rows of weights fit into 16 KiB, an array of 128 tokens and 64 numbers does not.
    const { chat, train } = planned(null, 16 * 1024);
    expect(chat.every(({ fits }) => fits)).toBe(true);
    expect(train.every(({ fits }) => !fits)).toBe(true);
    expect(train[0]?.oversized?.limitBytes).toBe(16 * 1024);
    expect(train[0]?.oversized?.bytes).toBeGreaterThan(16 * 1024);
    expect(train[0]?.oversized?.name).not.toBe('');
  });
});
