// Gemma 3 for text (Gemma Team 2025): GeGLU, norms before and after attention and MLP and of heads, most layers with a window
// and angles of their own, embeddings scaled by the root of their width. Norms are stored as what they differ by from one.
import * as v from 'valibot';
import type { DecoderConfig } from '../decoder/decoder-config';
import type { ModelFamily } from '../model-family';
import {
  absent,
  decoderEntries,
  decoderNumbers,
  only,
  parseConfig,
  positive,
  size,
  unsupported,
} from './config-schema';
import { decoderPlan } from './decoder-plan';
import type { FilePlace } from './family-files';

const LAYER_TYPES = ['sliding_attention', 'full_attention'] as const;

const schema = v.object({
  ...decoderEntries,
  rope_theta: v.optional(positive, 1_000_000),
  rms_norm_eps: v.optional(positive, 1e-6),
  tie_word_embeddings: v.optional(v.boolean(), true),
  head_dim: v.optional(size, 256),
  hidden_activation: v.optional(v.literal('gelu_pytorch_tanh'), 'gelu_pytorch_tanh'),
  rope_local_base_freq: v.optional(positive, 10_000),
  layer_types: v.optional(v.nullable(v.array(v.picklist(LAYER_TYPES)))),
  sliding_window_pattern: v.optional(v.nullable(size)),
  query_pre_attn_scalar: v.optional(positive, 256),
  attention_bias: only(false),
  attn_logit_softcapping: absent,
  final_logit_softcapping: absent,
  use_bidirectional_attention: only(false),
});

/** Every sixth layer sees all, unless the file says otherwise. */
const PATTERN = 6;

function localLayers({ num_hidden_layers: layers, ...c }: v.InferOutput<typeof schema>): boolean[] {
  const types = c.layer_types ?? null;
  if (types !== null && types.length !== layers) {
    throw unsupported('layer_types', `has ${types.length} entries for ${layers} layers`);
  }
  const pattern = c.sliding_window_pattern ?? PATTERN;
  return Array.from({ length: layers }, (_, layer) =>
    types === null ? (layer + 1) % pattern !== 0 : types[layer] === 'sliding_attention',
  );
}

function parseGemma3(json: unknown): DecoderConfig {
  const c = parseConfig(schema, byLayerType(json));
  const config = decoderNumbers(c);
  if (c.query_pre_attn_scalar !== config.headSize) {
    throw unsupported(
      'query_pre_attn_scalar',
      `is ${c.query_pre_attn_scalar}; only the size of a head, ${config.headSize}, is supported`,
    );
  }
  return {
    ...config,
    traits: {
      headNorms: true,
      outputNorms: true,
      mlp: 'geglu',
      embeddingScale: Math.sqrt(config.hiddenSize),
      localLayers: localLayers(c),
      localRopeTheta: c.rope_local_base_freq,
    },
  };
}

/** Newer files give rotary positions for each type of layer. */
function byLayerType(json: unknown): unknown {
  const parameters = property(json, 'rope_parameters');
  const full = property(parameters, 'full_attention');
  const local = property(property(parameters, 'sliding_attention'), 'rope_theta');
  if (typeof json !== 'object' || full === undefined || local === undefined) return json;
  return { ...json, rope_parameters: full, rope_local_base_freq: local };
}

function property(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

/** The decoder's name of a norm and the file's. */
const NORMS: Record<string, string> = {
  attention_output_layernorm: 'post_attention_layernorm',
  post_attention_layernorm: 'pre_feedforward_layernorm',
  mlp_output_layernorm: 'post_feedforward_layernorm',
};

function placeOf(weight: string): FilePlace {
  const name = weight.replace(/\.(\w+_layernorm)\./, (whole, norm: string) => {
    const other = NORMS[norm];
    return other === undefined ? whole : `.${other}.`;
  });
  return { name, offset: weight.endsWith('norm.weight') ? 1 : 0 };
}

export const gemma3Family: ModelFamily = {
  name: 'gemma3',
  architectures: ['Gemma3ForCausalLM'],
  plan: (json) => decoderPlan(parseGemma3(json), placeOf),
};
