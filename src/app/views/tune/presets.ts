// The presets of the configuration as the form offers them.
import { mergeDeep } from '../../../core/config/merge';
import { PRESET_NAMES, presets, type PresetName } from '../../../core/config/presets';
import type { TrainingConfig } from '../../../protocol/training';
import { t } from '../../i18n/index.svelte';

export interface TrainingPreset {
  name: PresetName;
  label: string;
  hint: string;
}

export function trainingPresets(): TrainingPreset[] {
  return PRESET_NAMES.map((name) => ({
    name,
    label: t(`tune.preset.${name}`),
    hint: name,
  }));
}

/** The preset's settings over the present ones; name, model and dataset stay. */
export function withPreset(config: TrainingConfig, name: PresetName): TrainingConfig {
  // A preset's training part is a part of the configuration by its type, so the merge is one again.
  return mergeDeep(config, presets[name].training ?? {}) as TrainingConfig;
}
