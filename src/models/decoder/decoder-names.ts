// Names and shapes of a decoder's weights, as Hugging Face's safetensors files have them. Pure.
import { LORA_TARGETS, type LoraConfig, type LoraTarget } from '../../protocol/models';
import type { DecoderConfig } from './decoder-config';

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
export function projectionShape(config: DecoderConfig, target: LoraTarget): { in: number; out: number } {
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
export function weightShapes(config: DecoderConfig): Map<string, number[]> {
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
export function parameterCount(config: DecoderConfig): number {
  let count = 0;
  for (const shape of weightShapes(config).values()) count += shape.reduce((size, n) => size * n, 1);
  return count;
}

/** What decides an adapter's arrays. */
export type AdapterForm = Pick<LoraConfig, 'rank' | 'targets' | 'useDora'>;

/**
 * Arrays by name (before PEFT's prefix) with their shapes in an adapter file: A [rank, in], B [out, rank] and, with DoRA,
 * magnitudes [out].
 */
export function adapterShapes(
  config: DecoderConfig,
  { rank, targets, useDora = false }: AdapterForm,
): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (let layer = 0; layer < config.layers; layer += 1) {
    for (const target of LORA_TARGETS.filter((name) => targets.includes(name))) {
      const path = projectionPath(layer, target);
      const shape = projectionShape(config, target);
      shapes.set(`${path}.lora_A.weight`, [rank, shape.in]);
      shapes.set(`${path}.lora_B.weight`, [shape.out, rank]);
      if (useDora) shapes.set(`${path}.lora_magnitude_vector`, [shape.out]);
    }
  }
  return shapes;
}

/** Which projection a module path is, null for another module. */
export function targetOf(config: DecoderConfig, modulePath: string): LoraTarget | null {
  const target = LORA_TARGETS.find((name) => modulePath.endsWith(`.${name}_proj`));
  const layer = Number(/^model\.layers\.(\d+)\./.exec(modulePath)?.[1] ?? NaN);
  if (target === undefined || !(layer < config.layers)) return null;
  return modulePath === projectionPath(layer, target) ? target : null;
}
