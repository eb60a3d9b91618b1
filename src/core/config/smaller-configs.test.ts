import { describe, expect, it } from 'vitest';
import { AppError } from '../../lib/errors';
import type { MemoryEstimate, TrainingConfig } from '../../protocol/training';
import { firstThatFits, smallerConfigs } from './smaller-configs';
import { trainingDefaults } from './training-config';

const trainingConfig = (changes: Partial<TrainingConfig> = {}): TrainingConfig => ({
  ...trainingDefaults,
  ...{ name: 'run', modelId: 'm', startFromAdapterId: null, datasetId: 'd', batchSize: 2 },
  ...changes,
});

describe('smallerConfigs', () => {
  it('smallerConfigs: a smaller batch keeps the tokens of a step', () => {
    const [first] = smallerConfigs(trainingConfig({ batchSize: 4, gradientAccumulation: 2 }));
    expect(first).toEqual({ key: 'batch', change: { batchSize: 1, gradientAccumulation: 8 } });
  });

  it('smallerConfigs: offers nothing that is already so', () => {
    const smallest = trainingConfig({ batchSize: 1, sequenceLength: 64, baseStorage: 'int4' });
    expect(smallerConfigs(smallest)).toEqual([]);
    expect(smallerConfigs({ ...smallest, baseStorage: 'f32' }).map(({ key }) => key)).toEqual(['int4']);
    expect(smallerConfigs({ ...smallest, method: 'full' }).map(({ key }) => key)).toEqual([
      'lora',
      'loraSmallest',
      'qloraSmallest',
    ]);
  });
});

describe('firstThatFits', () => {
  /** As much as the base takes, and a kilobyte a token. */
  const estimate = (limitBytes: number) => (config: TrainingConfig) => {
    const bytes = (config.baseStorage === 'int4' ? 100 : 600) + config.batchSize * config.sequenceLength;
    return Promise.resolve({ totalBytes: bytes, fits: bytes <= limitBytes } as MemoryEstimate);
  };

  it.each([
    [900, 'batch', 728],
    [700, 'int4', 356],
    [300, 'int4Smallest', 164],
  ])('within %i: %s', async (limit, key, bytes) => {
    // 600 + 2 * 128; with one row 728, in 4 bits 356, both with the shortest sequence 100 + 64.
    expect(await firstThatFits(trainingConfig(), estimate(limit))).toMatchObject({ key, bytes });
  });

  it('nothing fits: null; what the device cannot do is passed over, other errors are not', async () => {
    expect(await firstThatFits(trainingConfig(), estimate(10))).toBeNull();
    const unsupported = (config: TrainingConfig) =>
      config.baseStorage === 'int4'
        ? Promise.reject(new AppError('model.unsupported', 'no'))
        : estimate(670)(config);
    expect(await firstThatFits(trainingConfig(), unsupported)).toMatchObject({ key: 'both', bytes: 664 });
    const gone = () => Promise.reject(new AppError('worker.dead', 'gone'));
    await expect(firstThatFits(trainingConfig(), gone)).rejects.toMatchObject({ code: 'worker.dead' });
  });
});
