// GPT-2 (Radford et al. 2019): layer norms and biases, GELU without a gate, learned positions. Matrices are [in, out] in the
// file, queries, keys and values beside each other in one.
import * as v from 'valibot';
import type { DecoderConfig } from '../decoder/decoder-config';
import { EMBEDDING, FINAL_NORM, HEAD, POSITIONS } from '../decoder/decoder-names';
import type { GgufForm } from '../decoder/gguf/gguf-form';
import type { ModelFamily } from '../model-family';
import { only, parseConfig, positive, size, stopEntries, stopIds, unsupported } from './config-schema';
import { decoderPlan } from './decoder-plan';
import type { WeightPlace } from '../decoder/weight-places';

const schema = v.object({
  ...stopEntries,
  vocab_size: size,
  n_embd: size,
  n_layer: size,
  n_head: size,
  n_positions: size,
  n_inner: v.optional(v.nullable(size)),
  activation_function: v.optional(v.picklist(['gelu_new', 'gelu_pytorch_tanh']), 'gelu_new'),
  layer_norm_epsilon: v.optional(positive, 1e-5),
  tie_word_embeddings: v.optional(v.boolean(), true),
  scale_attn_weights: only(true),
  scale_attn_by_inverse_layer_idx: only(false),
  add_cross_attention: only(false),
});

function parseGpt2(json: unknown): DecoderConfig {
  const c = parseConfig(schema, json);
  const headSize = c.n_embd / c.n_head;
  if (!Number.isInteger(headSize) || headSize % 2 !== 0) {
    throw unsupported('n_embd', `is ${c.n_embd}, which ${c.n_head} heads cannot share in even sizes`);
  }
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.n_embd,
    layers: c.n_layer,
    heads: c.n_head,
    kvHeads: c.n_head,
    headSize,
    intermediateSize: c.n_inner ?? 4 * c.n_embd,
    contextLength: c.n_positions,
    ropeTheta: 10_000,
    ropeScaling: null,
    normEpsilon: c.layer_norm_epsilon,
    tiedHead: c.tie_word_embeddings,
    stopTokenIds: stopIds(c.eos_token_id),
    traits: { norm: 'layer', biases: 'all', mlp: 'gelu', positions: 'learned' },
  };
}

const MODULES: [pattern: RegExp, name: string][] = [
  [/^model\.layers\.(\d+)\.self_attn\.[qkv]_proj\./, 'h.$1.attn.c_attn.'],
  [/^model\.layers\.(\d+)\.self_attn\.o_proj\./, 'h.$1.attn.c_proj.'],
  [/^model\.layers\.(\d+)\.mlp\.up_proj\./, 'h.$1.mlp.c_fc.'],
  [/^model\.layers\.(\d+)\.mlp\.down_proj\./, 'h.$1.mlp.c_proj.'],
  [/^model\.layers\.(\d+)\.input_layernorm\./, 'h.$1.ln_1.'],
  [/^model\.layers\.(\d+)\.post_attention_layernorm\./, 'h.$1.ln_2.'],
];
const WHOLE: Record<string, string> = {
  [EMBEDDING]: 'wte.weight',
  [POSITIONS]: 'wpe.weight',
  [FINAL_NORM]: 'ln_f.weight',
  'model.norm.bias': 'ln_f.bias',
};

function placeOf(weight: string): WeightPlace {
  if (weight === HEAD) return { name: HEAD };
  const module = MODULES.find(([pattern]) => pattern.test(weight));
  const name = module === undefined ? (WHOLE[weight] ?? weight) : weight.replace(...module);
  return { name: `transformer.${name}`, transposed: weight.endsWith('_proj.weight') };
}

const gguf: GgufForm = {
  architecture: 'gpt2',
  epsilonKey: 'attention.layer_norm_epsilon',
  movesRows: false,
  fused: ['qkv'],
  configJson: (common) => ({
    architectures: ['GPT2LMHeadModel'],
    model_type: 'gpt2',
    vocab_size: common['vocab_size'],
    n_embd: common['hidden_size'],
    n_layer: common['num_hidden_layers'],
    n_head: common['num_attention_heads'],
    n_inner: common['intermediate_size'],
    n_positions: common['max_position_embeddings'],
    layer_norm_epsilon: common['rms_norm_eps'],
    tie_word_embeddings: common['tie_word_embeddings'],
    eos_token_id: common['eos_token_id'],
    activation_function: 'gelu_new',
  }),
};

export const gpt2Family: ModelFamily = {
  name: 'gpt2',
  architectures: ['GPT2LMHeadModel'],
  gguf,
  plan: (json) => decoderPlan(parseGpt2(json), placeOf),
};
