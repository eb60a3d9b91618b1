// Families as config.json of a model of some ten thousand weights each, for tests that run over all of them.
import type { LoraConfig } from '../../src/protocol/models';
import { TINY_LLAMA } from './tiny-model';

export interface TinyFamily {
  name: string;
  configJson: Record<string, unknown>;
  /** Every projection that the family lets LoRA be put on. */
  targets: LoraConfig['targets'];
}

const PROJECTIONS: LoraConfig['targets'] = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'];

export const TINY_FAMILIES: readonly TinyFamily[] = [
  { name: 'Llama', configJson: TINY_LLAMA, targets: PROJECTIONS },
  {
    name: 'Llama 3.1, tied head',
    configJson: {
      ...TINY_LLAMA,
      tie_word_embeddings: true,
      rope_theta: 500_000,
      rope_scaling: {
        rope_type: 'llama3',
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      },
    },
    targets: PROJECTIONS,
  },
];

export const loraOn = (targets: LoraConfig['targets']): LoraConfig => ({
  rank: 4,
  alpha: 8,
  dropout: 0,
  targets,
  useRslora: true,
});
