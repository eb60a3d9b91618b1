// Named starting points, laid over the present settings.
import { LORA_TARGETS } from '../../protocol/models';
import { mergeDeep } from './merge';
import type { Settings, SettingsPatch } from './settings';

export const PRESET_NAMES = ['debug', 'lora_fast', 'performance_max'] as const;
export type PresetName = (typeof PRESET_NAMES)[number];

export const presets: Record<PresetName, SettingsPatch> = {
  /** Seconds, and the same every time: does it run at all? */
  debug: {
    generation: { temperature: 0, seed: 0, maxTokens: 16 },
    training: {
      method: 'lora',
      lora: { rank: 4, alpha: 8, dropout: 0, targets: ['q', 'v'] },
      maxSteps: 10,
      batchSize: 2,
      gradientAccumulation: 1,
      sequenceLength: 64,
      warmupRatio: 0,
      evalInterval: 5,
      checkpointInterval: 5,
      keepCheckpoints: 2,
      seed: 0,
    },
  },
  /** A visible change of style within minutes. */
  lora_fast: {
    training: {
      method: 'lora',
      lora: { rank: 8, alpha: 16, dropout: 0, targets: [...LORA_TARGETS] },
      epochs: 2,
      maxSteps: null,
      batchSize: 8,
      gradientAccumulation: 1,
      sequenceLength: 128,
      packing: true,
      learningRate: 2e-3,
      schedule: 'linear',
      warmupRatio: 0.03,
      evalInterval: 25,
      checkpointInterval: 50,
    },
  },
  /** The lowest loss a machine can reach, however long it takes. */
  performance_max: {
    training: {
      method: 'lora',
      baseStorage: 'f32',
      lora: { rank: 32, alpha: 64, dropout: 0.05, targets: [...LORA_TARGETS] },
      epochs: 5,
      maxSteps: null,
      batchSize: 8,
      gradientAccumulation: 4,
      sequenceLength: 256,
      packing: true,
      learningRate: 5e-4,
      schedule: 'cosine',
      warmupRatio: 0.06,
      emaDecay: 0.999,
      evalInterval: 50,
      earlyStoppingPatience: 3,
      checkpointInterval: 100,
      keepCheckpoints: 5,
    },
  },
};

/** Everything the preset does not name stays as it is. */
export function applyPreset(settings: Settings, name: PresetName): Settings {
  // A preset is a part of the settings by its type, so the merge is one again.
  return mergeDeep(settings, presets[name]) as Settings;
}
