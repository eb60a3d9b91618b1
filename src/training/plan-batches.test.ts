import { describe, expect, it } from 'vitest';
import { AppError } from '../lib/errors';
import type { BatchPlan } from '../protocol/batches';
import type { BatchApi } from '../protocol/data';
import { PlanBatches } from './plan-batches';
import { ToyBatches } from './testing/toy-model';

const plan: BatchPlan = {
  datasetId: 'line',
  modelId: 'toy',
  sequenceLength: 8,
  batchSize: 1,
  trainOn: 'all',
  packing: false,
  evalShare: 0.1,
  seed: 1,
};

function api(failing: (index: number) => boolean = () => false) {
  const source = new ToyBatches();
  const calls: string[] = [];
  const batches: BatchApi = {
    openPlan: async () => ({ planId: 'p', summary: await source.summary(), samples: 'all' }),
    trainBatch: (planId, index) => {
      calls.push(`${planId} ${index}`);
      if (failing(index)) return Promise.reject(new AppError('worker.dead', 'gone'));
      return source.trainBatch(index);
    },
    evalBatch: (_, index) => source.evalBatch(index),
    evalPrompts: (_, count) => source.evalPrompts(count),
    samplingMetrics: () => Promise.resolve({}),
    closePlan: (planId) => Promise.resolve(void calls.push(`close ${planId}`)),
  };
  return { batches, calls, source };
}

describe('PlanBatches', () => {
  it('prefetch: one batch ahead, each number asked once, the sequence unchanged', async () => {
    const { batches, calls } = api();
    const source = await PlanBatches.open(batches, plan, { length: 1, now: () => 0 });
    const plain = new ToyBatches();
    for (const index of [0, 1, 2])
      expect(await source.trainBatch(index)).toEqual(await plain.trainBatch(index));
    expect(calls).toEqual(['p 0', 'p 1', 'p 2', 'p 3']);
  });

  it('a jump: what was fetched ahead is never handed out under another number', async () => {
    const { batches } = api();
    const source = await PlanBatches.open(batches, plan, { length: 1, now: () => 0 });
    await source.trainBatch(0);
    expect(await source.trainBatch(5)).toEqual(await new ToyBatches().trainBatch(5));
  });

  it('a failed prefetch: counts only when that batch is wanted', async () => {
    const { batches, calls } = api((index) => index === 1);
    const source = await PlanBatches.open(batches, plan, { length: 1, now: () => 0 });
    await source.trainBatch(0);
    await expect(source.trainBatch(1)).rejects.toMatchObject({ code: 'worker.dead' });
    await source.close();
    expect(calls.at(-1)).toBe('close p');
  });
});
