import { describe, expect, test } from 'vitest';
import type { TrainingConfig } from '../../protocol/training';
import { assertTrainingConfig, trainingDefaults, validateTrainingConfig } from './training-config';

const good: TrainingConfig = {
  ...trainingDefaults,
  name: 'run',
  modelId: 'model',
  datasetId: 'dataset',
  startFromAdapterId: null,
};
const paths = (change: Partial<TrainingConfig>) =>
  validateTrainingConfig({ ...good, ...change }).map((problem) => problem.path);

describe('training config', () => {
  test('training config: the defaults can start', () => {
    expect(validateTrainingConfig(good)).toEqual([]);
  });

  test('training config: a learning rate that is no number names path, value and remedy', () => {
    expect(validateTrainingConfig({ ...good, learningRate: NaN })).toEqual([
      {
        path: 'learningRate',
        value: NaN,
        message: 'learningRate is not a number: NaN.',
        remedy: 'Enter a number above 0 and at most 1.',
      },
    ]);
  });

  test.each<[string, Partial<TrainingConfig>]>([
    ['learningRate', { learningRate: 0 }],
    ['learningRate', { learningRate: Infinity }],
    ['learningRate', { learningRate: '1e-3' as unknown as number }],
    ['epochs', { epochs: 0 }],
    ['maxSteps', { maxSteps: 0 }],
    ['batchSize', { batchSize: 1.5 }],
    ['gradientAccumulation', { gradientAccumulation: 0 }],
    ['sequenceLength', { sequenceLength: 4 }],
    ['evalShare', { evalShare: 1 }],
    ['warmupRatio', { warmupRatio: 1.1 }],
    ['emaDecay', { emaDecay: 1 }],
    ['seed', { seed: -1 }],
    ['datasetId', { datasetId: ' ' }],
    ['schedule', { schedule: 'cosin' }],
    ['lora.rank', { lora: { ...good.lora, rank: 0 } }],
    ['lora.dropout', { lora: { ...good.lora, dropout: 1 } }],
    ['lora.targets', { lora: { ...good.lora, targets: [] } }],
    ['startFromAdapterId', { method: 'full', startFromAdapterId: 'a' }],
    ['earlyStoppingPatience', { earlyStoppingPatience: 2, evalShare: 0 }],
  ])('training config: %s is refused in %j', (path, change) => {
    expect(paths(change)).toEqual([path]);
  });

  test('training config: full fine-tuning does not look at LoRA; nulls switch off', () => {
    const change = {
      method: 'full',
      lora: { ...good.lora, rank: 0 },
      maxSteps: null,
      emaDecay: null,
    } as const;
    expect(paths(change)).toEqual([]);
  });

  test('training config: a base in few bits is for LoRA only', () => {
    expect(validateTrainingConfig({ ...good, baseStorage: 'int4' })).toEqual([]);
    const [problem, ...others] = validateTrainingConfig({ ...good, method: 'full', baseStorage: 'int8' });
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ path: 'baseStorage', value: 'int8', remedy: 'Choose f32, or LoRA.' });
    expect(validateTrainingConfig({ ...good, method: 'full', baseStorage: 'f32' })).toEqual([]);
  });

  test('training config: limits of the model and added schedules are respected', () => {
    const schedules = ['wsd'];
    const config = { ...good, schedule: 'wsd' as 'cosine', sequenceLength: 300 };
    const problems = validateTrainingConfig(config, { schedules, contextLength: 256 });
    expect(problems.map((problem) => problem.message)).toEqual([
      'sequenceLength is longer than the 256 tokens the model takes: 300.',
    ]);
  });

  test('training config: assert throws the first problem and carries all', () => {
    const config = { ...good, learningRate: NaN, batchSize: 0 };
    expect(() => assertTrainingConfig(config)).toThrowError(
      expect.objectContaining({
        code: 'training.invalid',
        message: expect.stringContaining('(and 1 more)') as string,
      }),
    );
  });
});
