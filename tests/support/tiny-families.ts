// Families as config.json of a model of some ten thousand weights each, for tests that run over all of them.
import type { LoraConfig } from '../../src/protocol/models';
import { END, TINY_LLAMA, VOCAB_SIZE } from './tiny-model';

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
  {
    name: 'Qwen2',
    configJson: { ...TINY_LLAMA, architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' },
    targets: PROJECTIONS,
  },
  {
    name: 'Qwen3',
    configJson: {
      ...TINY_LLAMA,
      ...{
        architectures: ['Qwen3ForCausalLM'],
        model_type: 'qwen3',
        head_dim: 32,
        tie_word_embeddings: true,
      },
    },
    targets: PROJECTIONS,
  },
  {
    name: 'Gemma 3',
    configJson: {
      ...TINY_LLAMA,
      ...{ architectures: ['Gemma3ForCausalLM'], model_type: 'gemma3_text', tie_word_embeddings: true },
      // One layer of six sees all of a text that is longer than the window of the others.
      ...{ num_hidden_layers: 6, sliding_window: 16, sliding_window_pattern: 6, query_pre_attn_scalar: 16 },
      ...{ rope_theta: 1_000_000, rope_local_base_freq: 10_000, hidden_activation: 'gelu_pytorch_tanh' },
    },
    targets: PROJECTIONS,
  },
  {
    name: 'Phi-3',
    configJson: {
      ...TINY_LLAMA,
      ...{ architectures: ['Phi3ForCausalLM'], model_type: 'phi3', num_key_value_heads: 4 },
    },
    targets: PROJECTIONS,
  },
  {
    name: 'GPT-2',
    configJson: {
      architectures: ['GPT2LMHeadModel'],
      model_type: 'gpt2',
      ...{ vocab_size: VOCAB_SIZE, n_embd: 64, n_layer: 2, n_head: 4, n_positions: 256, n_ctx: 256 },
      ...{ activation_function: 'gelu_new', layer_norm_epsilon: 1e-5, eos_token_id: END },
      // With a head that is the embedding, a model of random weights says its last token again.
      tie_word_embeddings: false,
    },
    targets: PROJECTIONS.filter((target) => target !== 'gate'),
  },
];

export const loraOn = (targets: LoraConfig['targets']): LoraConfig => ({
  rank: 4,
  alpha: 8,
  dropout: 0,
  targets,
  useRslora: true,
});
