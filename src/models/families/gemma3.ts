// Gemma 3 for text (Gemma Team 2025): GeGLU, norms before and after attention and MLP and of heads, most layers with a window
// and angles of their own, embeddings scaled by the root of their width. Norms are stored as what they differ by from one.
import * as v from 'valibot';
import { traitsOf, type DecoderConfig } from '../decoder/decoder-config';
import { LLAMA_FORM, type GgufForm } from '../decoder/gguf/gguf-form';
import { AppError } from '../../lib/errors';
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
import type { WeightPlace } from '../decoder/weight-places';

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

function placeOf(weight: string): WeightPlace {
  const name = weight.replace(/\.(\w+_layernorm)\./, (whole, norm: string) => {
    const other = NORMS[norm];
    return other === undefined ? whole : `.${other}.`;
  });
  return { name, offset: weight.endsWith('norm.weight') ? 1 : 0 };
}

/** What llama.cpp takes for granted in this architecture. */
const GGUF_LOCAL_THETA = 10_000;

function checkGguf(config: DecoderConfig): [] {
  const { localRopeTheta, localLayers } = traitsOf(config);
  const isUsual = localLayers?.every((local, layer) => local === ((layer + 1) % PATTERN !== 0)) === true;
  if (isUsual && localRopeTheta === GGUF_LOCAL_THETA) return [];
  throw new AppError(
    'model.unsupported',
    `GGUF's gemma3 has every ${PATTERN}th layer see all and the others rotate by ${GGUF_LOCAL_THETA}; this model differs.`,
    { remedy: 'Export it as safetensors or ONNX.' },
  );
}

const gguf: GgufForm = {
  ...LLAMA_FORM,
  architecture: 'gemma3',
  movesRows: false,
  norms: {
    attention_output_layernorm: 'post_attention_norm',
    post_attention_layernorm: 'ffn_norm',
    mlp_output_layernorm: 'post_ffw_norm',
  },
  configJson: (common, numbers) => ({
    ...common,
    architectures: ['Gemma3ForCausalLM'],
    model_type: 'gemma3_text',
    hidden_activation: 'gelu_pytorch_tanh',
    query_pre_attn_scalar: common['head_dim'],
    rope_theta: numbers('rope.freq_base') ?? 1_000_000,
    rope_local_base_freq: GGUF_LOCAL_THETA,
    sliding_window_pattern: PATTERN,
  }),
  metadata: checkGguf,
};

export const gemma3Family: ModelFamily = {
  name: 'gemma3',
  architectures: ['Gemma3ForCausalLM'],
  gguf,
  plan: (json) => decoderPlan(parseGemma3(json), placeOf),
};
