import { describe, expect, it } from 'vitest';
import { AppError } from '../lib/errors';
import type { MemoryEstimate, TrainingConfig } from '../protocol/training';
import { toyConfig } from '../training/testing/recording-sink';
import { withWhatFits } from './what-fits';

const full = new AppError('engine.out-of-memory', 'No room for it.', {
  details: { bytes: 9 },
  remedy: 'Choose a smaller batch.',
});
const config = toyConfig({ batchSize: 4, gradientAccumulation: 1 });
/** A mebibyte for each sequence of a batch. */
const estimate = (limitMib: number) => (of: TrainingConfig) =>
  Promise.resolve({
    totalBytes: of.batchSize * 2 ** 20,
    fits: of.batchSize <= limitMib,
  } as MemoryEstimate);

describe('withWhatFits', () => {
  it('out of memory: the same error with settings that fit as its remedy', async () => {
    expect(await withWhatFits(full, config, estimate(2))).toMatchObject({
      code: 'engine.out-of-memory',
      message: 'No room for it.',
      details: { bytes: 9, fits: { batchSize: 1, gradientAccumulation: 4 }, fitsBytes: 2 ** 20 },
      remedy: 'This would fit: batchSize 1, gradientAccumulation 4 (1 MiB).',
    });
  });

  it('nothing fits, or it cannot be told, or something else happened: the error as it was', async () => {
    expect(await withWhatFits(full, config, estimate(0))).toBe(full);
    expect(await withWhatFits(full, config, () => Promise.reject(new Error('gone')))).toBe(full);
    const other = new AppError('worker.dead', 'gone');
    expect(await withWhatFits(other, config, estimate(2))).toBe(other);
  });
});
