import { describe, expect, it } from 'vitest';
import type { TrainingConfig } from '../../protocol/training';

import { differingFields } from './runs-suggestions';

function trainingConfig(): TrainingConfig {
  return {
    name: 'run',
    modelId: 'm',
    startFromAdapterId: null,
    datasetId: 'd',
    method: 'lora',
    lora: { rank: 8, alpha: 16, dropout: 0, targets: ['q', 'v'] },
    epochs: 1,
    maxSteps: null,
    batchSize: 2,
    gradientAccumulation: 1,
    sequenceLength: 128,
    packing: true,
    trainOn: 'assistant',
    evalShare: 0.1,
    learningRate: 1e-3,
    schedule: 'cosine',
    warmupRatio: 0.05,
    weightDecay: 0,
    maxGradNorm: 1,
    emaDecay: null,
    evalInterval: 10,
    earlyStoppingPatience: null,
    checkpointInterval: 0,
    keepCheckpoints: 2,
    samplePrompts: [],
    seed: 0,
  };
}

describe('differingFields', () => {
  it('differingFields: only what differs, LoRA by its parts, the name never', () => {
    const a = trainingConfig();
    const b = { ...a, name: 'other', seed: 7, lora: { ...a.lora, rank: 32 } };
    expect(differingFields([a, b])).toEqual([
      { path: 'lora.rank', values: ['8', '32'] },
      { path: 'seed', values: ['0', '7'] },
    ]);
  });
});
