import { describe, expect, it } from 'vitest';
import { AppError } from '../lib/errors';
import type { ModelEstimate, StorageFit } from '../protocol/engine';
import type { MemoryEstimate, TrainingConfig } from '../protocol/training';
import { toyConfig } from '../training/testing/recording-sink';
import { withStorageThatFits, withWhatFits } from './what-fits';

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

describe('withStorageThatFits', () => {
  const MIB = 2 ** 20;
  const chat = (fitting: readonly StorageFit['storage'][]): StorageFit[] => [
    { storage: 'f32', bytes: 80 * MIB, fits: fitting.includes('f32') },
    { storage: 'f16', bytes: 40 * MIB, fits: fitting.includes('f16') },
    { storage: 'int8', bytes: 22 * MIB, fits: fitting.includes('int8') },
    { storage: 'int4', bytes: 12 * MIB, fits: fitting.includes('int4') },
  ];
  const known =
    (fitting: readonly StorageFit['storage'][], limitBytes: number | null = 30 * MIB) =>
    () =>
      Promise.resolve<ModelEstimate>({
        ...{ parameters: 1, contextLength: 1, limitBytes, arrayLimitBytes: null },
        ...{ chat: chat(fitting), train: [] },
      });

  it('a model that did not load: the most precise storage that fits is its remedy', async () => {
    expect(await withStorageThatFits(full, 'f32', known(['int8', 'int4']))).toMatchObject({
      code: 'engine.out-of-memory',
      message: 'No room for it.',
      details: { bytes: 9, fits: { storage: 'int8' }, fitsBytes: 22 * MIB },
      remedy: "Its weights kept in int8 would take 22 MiB: choose that in the chat's list of models.",
    });
  });

  it('a limit that nobody knows: the next smaller storage, and where the limit can be said', async () => {
    const error = await withStorageThatFits(full, 'f16', known(['f32', 'f16', 'int8', 'int4'], null));
    expect(error).toMatchObject({
      remedy: expect.stringMatching(/in int8 would take 22 MiB.*Say in Settings, under Engine/) as string,
    });
  });

  it('the smallest did not load: another model; what cannot be told or is something else stays', async () => {
    const none = await withStorageThatFits(full, 'int4', known(['int4']));
    expect(none).toMatchObject({ remedy: 'Choose a smaller model, or close other tabs that use the GPU.' });
    expect(none).not.toHaveProperty('details.fits');
    expect(await withStorageThatFits(full, 'f32', () => Promise.reject(new Error('gone')))).toBe(full);
    const other = new AppError('model.truncated', 'cut');
    expect(await withStorageThatFits(other, 'f32', known(['int4']))).toBe(other);
  });
});
