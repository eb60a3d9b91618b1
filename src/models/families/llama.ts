// Llama 2 and 3, SmolLM2, TinyLlama (Touvron et al. 2023), and Mistral, which is the same with a window (Jiang et al. 2023).
import * as v from 'valibot';
import type { DecoderConfig } from '../decoder/decoder-config';
import { LLAMA_FORM } from '../decoder/gguf/gguf-form';
import type { ModelFamily } from '../model-family';
import { decoderEntries, decoderNumbers, only, parseConfig } from './config-schema';
import { decoderPlan } from './decoder-plan';

const schema = v.object({
  ...decoderEntries,
  hidden_act: v.optional(v.literal('silu'), 'silu'),
  attention_bias: only(false),
  mlp_bias: only(false),
  use_sliding_window: v.optional(v.nullable(v.boolean())),
});

/** @throws AppError `model.unsupported` naming the path of the value that does not fit. */
export function parseLlamaConfig(json: unknown): DecoderConfig {
  const c = parseConfig(schema, json);
  const config = decoderNumbers(c);
  // Some files give a size and say elsewhere that it is not used.
  return c.use_sliding_window === false ? { ...config, slidingWindow: null } : config;
}

export const llamaFamily: ModelFamily = {
  name: 'llama',
  architectures: ['LlamaForCausalLM', 'MistralForCausalLM'],
  gguf: LLAMA_FORM,
  plan: (json) => decoderPlan(parseLlamaConfig(json)),
};
