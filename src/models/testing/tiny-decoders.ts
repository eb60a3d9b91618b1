// One tiny decoder for each way in which a family is not as Llama is: what tests hold the engines, the file formats and other
// software against.
import type { ModelFamily } from '../../protocol/models';
import type { DecoderConfig } from '../decoder/decoder-config';
import { SELF_TEST_CONFIG } from '../self-test';

/** Heads of eight: the fastest ways to decode take no smaller ones. */
const BASE: DecoderConfig = { ...SELF_TEST_CONFIG, headSize: 8, tiedHead: true };

export const TINY_DECODERS: Record<ModelFamily, DecoderConfig> = {
  llama: BASE,
  qwen2: { ...BASE, traits: { biases: 'qkv' } },
  qwen3: { ...BASE, traits: { headNorms: true } },
  gemma3: {
    ...BASE,
    layers: 3,
    slidingWindow: 3,
    traits: {
      headNorms: true,
      outputNorms: true,
      mlp: 'geglu',
      embeddingScale: Math.sqrt(BASE.hiddenSize),
      localLayers: [true, true, false],
      localRopeTheta: 1_000,
    },
  },
  phi3: { ...BASE, tiedHead: false, slidingWindow: 5 },
  gpt2: {
    ...BASE,
    kvHeads: BASE.heads,
    traits: { norm: 'layer', biases: 'all', mlp: 'gelu', positions: 'learned' },
  },
};
