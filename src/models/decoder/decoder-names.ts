// Names and shapes of a decoder's weights: those of a Llama in Hugging Face's safetensors files, and names in their manner for
// what only others have. Pure.
import { LORA_TARGETS, type LoraConfig, type LoraTarget } from '../../protocol/models';
import { traitsOf, type DecoderConfig } from './decoder-config';

export const EMBEDDING = 'model.embed_tokens.weight';
export const FINAL_NORM = 'model.norm.weight';
export const HEAD = 'lm_head.weight';
/** Learned positions, [contextLength, hidden]. */
export const POSITIONS = 'model.embed_positions.weight';

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
/** Norms of what attention and MLP give, before it is added. */
export const attentionOutputNorm = (layer: number): string =>
  `model.layers.${layer}.attention_output_layernorm.weight`;
export const mlpOutputNorm = (layer: number): string => `model.layers.${layer}.mlp_output_layernorm.weight`;
/** Norm of a head's query or key, [headSize]. */
export const headNorm = (layer: number, of: 'q' | 'k'): string =>
  `model.layers.${layer}.self_attn.${of}_norm.weight`;

/** The bias beside a weight. */
export const biasOf = (weight: string): string => weight.replace(/\.weight$/, '.bias');

/** Projections that the model has. */
export function projections(config: DecoderConfig): LoraTarget[] {
  const isGated = traitsOf(config).mlp !== 'gelu';
  return LORA_TARGETS.filter((target) => isGated || target !== 'gate');
}

export function hasBias(config: DecoderConfig, target: LoraTarget): boolean {
  const { biases } = traitsOf(config);
  return biases === 'all' || (biases === 'qkv' && ['q', 'k', 'v'].includes(target));
}

/** Every norm of a layer with its size. */
function layerNorms(config: DecoderConfig, layer: number): [string, number][] {
  const { hiddenSize, headSize } = config;
  const { headNorms, outputNorms } = traitsOf(config);
  const of = (names: string[], size: number) => names.map((name): [string, number] => [name, size]);
  return [
    ...of([inputNorm(layer), attentionNorm(layer)], hiddenSize),
    ...of(outputNorms ? [attentionOutputNorm(layer), mlpOutputNorm(layer)] : [], hiddenSize),
    ...of(headNorms ? [headNorm(layer, 'q'), headNorm(layer, 'k')] : [], headSize),
  ];
}

/** Vectors that belong to no projection, with their sizes: norms, and the biases these have. */
export function normSizes(config: DecoderConfig, layer: number | 'final'): Map<string, number> {
  const norms: [string, number][] =
    layer === 'final' ? [[FINAL_NORM, config.hiddenSize]] : layerNorms(config, layer);
  const isBiased = traitsOf(config).norm === 'layer';
  return new Map(
    norms.flatMap(
      ([name, size]) => [[name, size], ...(isBiased ? [[biasOf(name), size]] : [])] as [string, number][],
    ),
  );
}

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

/** Every weight with its shape, matrices [out, in]. */
export function weightShapes(config: DecoderConfig): Map<string, number[]> {
  const { hiddenSize, layers, vocabSize, contextLength, tiedHead } = config;
  const shapes = new Map<string, number[]>([[EMBEDDING, [vocabSize, hiddenSize]]]);
  if (traitsOf(config).positions === 'learned') shapes.set(POSITIONS, [contextLength, hiddenSize]);
  for (let layer = 0; layer < layers; layer += 1) {
    for (const [name, size] of normSizes(config, layer)) shapes.set(name, [size]);
    for (const target of projections(config)) {
      const shape = projectionShape(config, target);
      const name = `${projectionPath(layer, target)}.weight`;
      shapes.set(name, [shape.out, shape.in]);
      if (hasBias(config, target)) shapes.set(biasOf(name), [shape.out]);
    }
  }
  for (const [name, size] of normSizes(config, 'final')) shapes.set(name, [size]);
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
    for (const target of projections(config).filter((name) => targets.includes(name))) {
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
  const target = projections(config).find((name) => modulePath.endsWith(`.${name}_proj`));
  const layer = Number(/^model\.layers\.(\d+)\./.exec(modulePath)?.[1] ?? NaN);
  if (target === undefined || !(layer < config.layers)) return null;
  return modulePath === projectionPath(layer, target) ? target : null;
}
