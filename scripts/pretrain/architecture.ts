// The shape of the embedded model and its weights before training. Names are those of Hugging Face's Llama.
import { hashSeed, Random } from '../../src/lib/random';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { weightShapes } from '../../src/models/decoder/decoder-names';
import type { NamedArrays } from './weights-file';

export const MODEL: DecoderConfig = {
  vocabSize: 1024,
  hiddenSize: 128,
  layers: 6,
  heads: 4,
  kvHeads: 2,
  headSize: 32,
  intermediateSize: 384,
  contextLength: 512,
  ropeTheta: 10000,
  ropeScaling: null,
  normEpsilon: 1e-5,
  tiedHead: true,
  stopTokenIds: [4, 0],
};

/** config.json, in Hugging Face's names. */
export const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: MODEL.vocabSize,
  hidden_size: MODEL.hiddenSize,
  intermediate_size: MODEL.intermediateSize,
  num_hidden_layers: MODEL.layers,
  num_attention_heads: MODEL.heads,
  num_key_value_heads: MODEL.kvHeads,
  head_dim: MODEL.headSize,
  max_position_embeddings: MODEL.contextLength,
  rope_theta: MODEL.ropeTheta,
  rope_scaling: null,
  rms_norm_eps: MODEL.normEpsilon,
  hidden_act: 'silu',
  attention_bias: false,
  attention_dropout: 0,
  mlp_bias: false,
  tie_word_embeddings: true,
  initializer_range: 0.02,
  bos_token_id: 0,
  eos_token_id: 4,
  pad_token_id: 0,
  torch_dtype: 'float16',
  use_cache: true,
};

export const GENERATION_CONFIG = {
  bos_token_id: 0,
  eos_token_id: [4, 0],
  pad_token_id: 0,
  do_sample: true,
  temperature: 0.7,
  top_k: 40,
  max_new_tokens: 160,
};

/**
 * Normal numbers: 0.02 for the (tied) embedding, sqrt(2 / 5d) inside (Nguyen and Salazar 2019), 2 / (layers * sqrt(d))
 * for what is added to the residual stream (as in GPT-NeoX-20B). Norms start at 1.
 */
export function initialWeights(seed: number): NamedArrays {
  const weights: NamedArrays = new Map();
  for (const [name, shape] of weightShapes(MODEL)) {
    const random = new Random(hashSeed(seed, name));
    const deviation = initialDeviation(name);
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    weights.set(name, {
      shape,
      data: data.map(() => (deviation === null ? 1 : deviation * random.normal())),
    });
  }
  return weights;
}

function initialDeviation(name: string): number | null {
  if (name.includes('norm')) return null;
  if (name.includes('embed_tokens')) return 0.02;
  if (/o_proj|down_proj/.test(name)) return 2 / (MODEL.layers * Math.sqrt(MODEL.hiddenSize));
  return Math.sqrt(2 / (5 * MODEL.hiddenSize));
}
