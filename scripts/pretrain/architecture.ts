// The shape of the embedded model and its weights before training. Names are those of Hugging Face's Llama.
import { hashSeed, Random } from '../../src/lib/random';

export const MODEL = {
  vocabSize: 1024,
  hiddenSize: 128,
  layers: 6,
  heads: 4,
  kvHeads: 2,
  headSize: 32,
  ffnSize: 384,
  contextLength: 512,
} as const;

export const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: MODEL.vocabSize,
  hidden_size: MODEL.hiddenSize,
  intermediate_size: MODEL.ffnSize,
  num_hidden_layers: MODEL.layers,
  num_attention_heads: MODEL.heads,
  num_key_value_heads: MODEL.kvHeads,
  head_dim: MODEL.headSize,
  max_position_embeddings: MODEL.contextLength,
  rope_theta: 10000,
  rope_scaling: null,
  rms_norm_eps: 1e-5,
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

/** Name and shape of every weight, [out, in] for projections. */
export function weightShapes(): Map<string, number[]> {
  const { hiddenSize, ffnSize, heads, kvHeads, headSize } = MODEL;
  const shapes = new Map<string, number[]>([['model.embed_tokens.weight', [MODEL.vocabSize, hiddenSize]]]);
  for (let layer = 0; layer < MODEL.layers; layer += 1) {
    const prefix = `model.layers.${layer}`;
    shapes.set(`${prefix}.input_layernorm.weight`, [hiddenSize]);
    shapes.set(`${prefix}.self_attn.q_proj.weight`, [heads * headSize, hiddenSize]);
    shapes.set(`${prefix}.self_attn.k_proj.weight`, [kvHeads * headSize, hiddenSize]);
    shapes.set(`${prefix}.self_attn.v_proj.weight`, [kvHeads * headSize, hiddenSize]);
    shapes.set(`${prefix}.self_attn.o_proj.weight`, [hiddenSize, heads * headSize]);
    shapes.set(`${prefix}.post_attention_layernorm.weight`, [hiddenSize]);
    shapes.set(`${prefix}.mlp.gate_proj.weight`, [ffnSize, hiddenSize]);
    shapes.set(`${prefix}.mlp.up_proj.weight`, [ffnSize, hiddenSize]);
    shapes.set(`${prefix}.mlp.down_proj.weight`, [hiddenSize, ffnSize]);
  }
  return shapes.set('model.norm.weight', [hiddenSize]);
}

/**
 * Normal numbers: 0.02 for the (tied) embedding, sqrt(2 / 5d) inside (Nguyen and Salazar 2019), 2 / (layers * sqrt(d))
 * for what is added to the residual stream (as in GPT-NeoX-20B). Norms start at 1.
 */
export function initialWeights(
  seed: number,
): Map<string, { shape: number[]; data: Float32Array<ArrayBuffer> }> {
  const weights = new Map<string, { shape: number[]; data: Float32Array<ArrayBuffer> }>();
  for (const [name, shape] of weightShapes()) {
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
