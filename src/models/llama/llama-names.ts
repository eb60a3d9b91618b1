// Names and shapes of a Llama's weights, as Hugging Face's safetensors files have them. Pure.
import { LORA_TARGETS, type LoraTarget } from '../../protocol/models';
import type { LlamaConfig } from './llama-config';

export const EMBEDDING = 'model.embed_tokens.weight';
export const FINAL_NORM = 'model.norm.weight';
export const HEAD = 'lm_head.weight';

const BLOCK_OF: Record<LoraTarget, string> = {
  q: 'self_attn',
  k: 'self_attn',
  v: 'self_attn',
  o: 'self_attn',
  gate: 'mlp',
  up: 'mlp',
  down: 'mlp',
};

/** Module path of a projection: `model.layers.3.self_attn.q_proj`. */
export function projectionPath(layer: number, target: LoraTarget): string {
  return `model.layers.${layer}.${BLOCK_OF[target]}.${target}_proj`;
}

export const inputNorm = (layer: number): string => `model.layers.${layer}.input_layernorm.weight`;
export const attentionNorm = (layer: number): string =>
  `model.layers.${layer}.post_attention_layernorm.weight`;

/** Input and output width of a projection. */
export function projectionShape(config: LlamaConfig, target: LoraTarget): { in: number; out: number } {
  const { hiddenSize, heads, kvHeads, headSize, intermediateSize } = config;
  switch (target) {
    case 'q':
      return { in: hiddenSize, out: heads * headSize };
    case 'k':
    case 'v':
      return { in: hiddenSize, out: kvHeads * headSize };
    case 'o':
      return { in: heads * headSize, out: hiddenSize };
    case 'gate':
    case 'up':
      return { in: hiddenSize, out: intermediateSize };
    case 'down':
      return { in: intermediateSize, out: hiddenSize };
  }
}

/** Every weight with its shape in the file, in the order of the forward pass. */
export function weightShapes(config: LlamaConfig): Map<string, number[]> {
  const { hiddenSize, layers, vocabSize, tiedHead } = config;
  const shapes = new Map<string, number[]>([[EMBEDDING, [vocabSize, hiddenSize]]]);
  for (let layer = 0; layer < layers; layer += 1) {
    shapes.set(inputNorm(layer), [hiddenSize]);
    shapes.set(attentionNorm(layer), [hiddenSize]);
    for (const target of LORA_TARGETS) {
      const shape = projectionShape(config, target);
      shapes.set(`${projectionPath(layer, target)}.weight`, [shape.out, shape.in]);
    }
  }
  shapes.set(FINAL_NORM, [hiddenSize]);
  if (!tiedHead) shapes.set(HEAD, [vocabSize, hiddenSize]);
  return shapes;
}

/** Number of weights. */
export function parameterCount(config: LlamaConfig): number {
  let count = 0;
  for (const shape of weightShapes(config).values()) count += shape.reduce((size, n) => size * n, 1);
  return count;
}

/** True for weights the engine keeps [in, out], the transpose of the file. */
export function isKeptTransposed(name: string): boolean {
  return name.endsWith('_proj.weight') || name === HEAD || /\.lora_[AB]\.weight$/.test(name);
}
