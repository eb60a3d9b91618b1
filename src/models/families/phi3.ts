// Phi-3 (Abdin et al. 2024): a Llama whose queries, keys and values are one matrix in the file, gate and up another.
import * as v from 'valibot';
import { LLAMA_FORM } from '../decoder/gguf/gguf-form';
import type { ModelFamily } from '../model-family';
import { decoderEntries, decoderNumbers, only, parseConfig } from './config-schema';
import { decoderPlan } from './decoder-plan';
import type { WeightPlace } from '../decoder/weight-places';

const schema = v.object({
  ...decoderEntries,
  hidden_act: v.optional(v.literal('silu'), 'silu'),
  attention_bias: only(false),
  /** Some of a head's elements, in Phi-4 mini. */
  partial_rotary_factor: v.optional(v.nullable(v.literal(1)), 1),
});

const placeOf = (weight: string): WeightPlace => ({
  name: weight.replace(/\.[qkv]_proj\./, '.qkv_proj.').replace(/\.(gate|up)_proj\./, '.gate_up_proj.'),
});

export const phi3Family: ModelFamily = {
  name: 'phi3',
  architectures: ['Phi3ForCausalLM'],
  gguf: {
    ...LLAMA_FORM,
    architecture: 'phi3',
    movesRows: false,
    fused: ['qkv', 'gate-up'],
    configJson: (common) => ({
      ...common,
      architectures: ['Phi3ForCausalLM'],
      model_type: 'phi3',
      hidden_act: 'silu',
    }),
  },
  plan: (json) => decoderPlan(decoderNumbers(parseConfig(schema, json)), placeOf),
};
