// One tiny model of each family, as a decoder and as its config.json: what tests hold engines, file formats and other software
// against.
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

const COMMON = {
  vocab_size: 48,
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 128,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: true,
  eos_token_id: 2,
};

export const TINY_CONFIG_JSON = {
  llama: { ...COMMON, architectures: ['LlamaForCausalLM'], model_type: 'llama', hidden_act: 'silu' },
  qwen2: { ...COMMON, architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', use_sliding_window: false },
  qwen3: { ...COMMON, architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3', head_dim: 16 },
  gemma3: {
    ...COMMON,
    architectures: ['Gemma3ForCausalLM'],
    model_type: 'gemma3_text',
    num_hidden_layers: 3,
    head_dim: 16,
    query_pre_attn_scalar: 16,
    sliding_window: 8,
    sliding_window_pattern: 3,
    rope_local_base_freq: 1_000,
    hidden_activation: 'gelu_pytorch_tanh',
  },
  phi3: {
    ...COMMON,
    architectures: ['Phi3ForCausalLM'],
    model_type: 'phi3',
    num_key_value_heads: 4,
    tie_word_embeddings: false,
    sliding_window: 24,
  },
  gpt2: {
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    ...{ vocab_size: 48, n_embd: 32, n_layer: 2, n_head: 4, n_positions: 128, n_ctx: 128 },
    ...{ activation_function: 'gelu_new', layer_norm_epsilon: 1e-5, eos_token_id: 2 },
  },
} as const satisfies Record<ModelFamily, Record<string, unknown>>;
