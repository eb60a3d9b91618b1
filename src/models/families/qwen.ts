// Qwen2 and Qwen2.5, whose queries, keys and values have biases (Yang et al. 2024), and Qwen3, whose heads are normed instead.
import * as v from 'valibot';
import type { DecoderConfig, DecoderTraits } from '../decoder/decoder-config';
import { LLAMA_FORM, type GgufForm } from '../decoder/gguf/gguf-form';
import type { ModelFamily } from '../model-family';
import { decoderEntries, decoderNumbers, only, parseConfig } from './config-schema';
import { decoderPlan } from './decoder-plan';

const schema = v.object({
  ...decoderEntries,
  hidden_act: v.optional(v.literal('silu'), 'silu'),
  use_sliding_window: v.optional(v.nullable(v.boolean()), false),
  /** Layers from this one on have the window. */
  max_window_layers: v.optional(v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(0)))),
});

const qwen3Schema = v.object({ ...schema.entries, attention_bias: only(false) });

function decoderOf(c: v.InferOutput<typeof schema>, traits: Partial<DecoderTraits>): DecoderConfig {
  const config = decoderNumbers(c);
  if (c.use_sliding_window !== true) return { ...config, slidingWindow: null, traits };
  const first = c.max_window_layers ?? 0;
  const localLayers = Array.from({ length: config.layers }, (_, layer) => layer >= first);
  return { ...config, traits: { ...traits, localLayers } };
}

const ggufForm = (architecture: 'qwen2' | 'qwen3', model: string): GgufForm => ({
  ...LLAMA_FORM,
  architecture,
  movesRows: false,
  configJson: (common) => ({
    ...common,
    architectures: [model],
    model_type: architecture,
    hidden_act: 'silu',
    use_sliding_window: false,
  }),
});

export const qwen2Family: ModelFamily = {
  name: 'qwen2',
  architectures: ['Qwen2ForCausalLM'],
  gguf: ggufForm('qwen2', 'Qwen2ForCausalLM'),
  plan: (json) => decoderPlan(decoderOf(parseConfig(schema, json), { biases: 'qkv' })),
};

export const qwen3Family: ModelFamily = {
  name: 'qwen3',
  architectures: ['Qwen3ForCausalLM'],
  gguf: ggufForm('qwen3', 'Qwen3ForCausalLM'),
  plan: (json) => decoderPlan(decoderOf(parseConfig(qwen3Schema, json), { headNorms: true })),
};
