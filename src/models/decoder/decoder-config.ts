// The numbers of a decoder, under the field's own terms, and what families do in different ways. Reading them from
// config.json is the families'.

/** What families do in different ways; a Llama is the plainest of them. */
export interface DecoderTraits {
  /** `layer` takes the mean away and has a bias. */
  norm: 'rms' | 'layer';
  /** Of the projections: at q, k and v (Qwen2), or at all of them (GPT-2). */
  biases: 'none' | 'qkv' | 'all';
  /** Queries and keys are normed, each head by itself, before they are rotated (Qwen3, Gemma 3). */
  headNorms: boolean;
  /** What attention and MLP give is normed before it is added (Gemma 3). */
  outputNorms: boolean;
  /** `gelu` has no gate. Both forms of GELU are the one by tanh. */
  mlp: 'swiglu' | 'geglu' | 'gelu';
  /** `learned`: a table is added to the embedding, and nothing is rotated (GPT-2). */
  positions: 'rotary' | 'learned';
  /** Embedded tokens are multiplied with it (Gemma 3). */
  embeddingScale: number;
  /** Layers that the window is for, and that rotate by `localRopeTheta`; null for all of them. */
  localLayers: readonly boolean[] | null;
  /** null for `ropeTheta`, scaled as elsewhere; given, it is not scaled. */
  localRopeTheta: number | null;
}

const LLAMA_TRAITS: DecoderTraits = {
  norm: 'rms',
  biases: 'none',
  headNorms: false,
  outputNorms: false,
  mlp: 'swiglu',
  positions: 'rotary',
  embeddingScale: 1,
  localLayers: null,
  localRopeTheta: null,
};

export interface DecoderConfig {
  vocabSize: number;
  hiddenSize: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  intermediateSize: number;
  /** Tokens. */
  contextLength: number;
  ropeTheta: number;
  ropeScaling: RopeScaling | null;
  normEpsilon: number;
  /** The output projection is the embedding. */
  tiedHead: boolean;
  stopTokenIds: number[];
  /** A token attends to itself and the `slidingWindow - 1` tokens before it (Mistral 7B); null or absent: to all before. */
  slidingWindow?: number | null;
  /** Where the model is not as a Llama is. */
  traits?: Partial<DecoderTraits>;
}

export const traitsOf = ({ traits }: Pick<DecoderConfig, 'traits'>): DecoderTraits => ({
  ...LLAMA_TRAITS,
  ...traits,
});

/** Tokens that a layer's queries see, themselves included; null for all before them. */
export function windowOf(config: DecoderConfig, layer: number): number | null {
  const { localLayers } = traitsOf(config);
  return localLayers === null || localLayers[layer] === true ? (config.slidingWindow ?? null) : null;
}

/** Whether a layer rotates by angles of its own. */
export function rotatesLocally(config: DecoderConfig, layer: number): boolean {
  const { localLayers, localRopeTheta } = traitsOf(config);
  return localRopeTheta !== null && localLayers?.[layer] === true;
}

/** `linear` divides positions; `llama3` stretches low frequencies only (Llama 3.1 model card). */
export type RopeScaling =
  | { type: 'linear'; factor: number }
  | {
      type: 'llama3';
      factor: number;
      lowFrequencyFactor: number;
      highFrequencyFactor: number;
      originalContextLength: number;
    };

function scaledFrequency(frequency: number, scaling: RopeScaling): number {
  if (scaling.type === 'linear') return frequency / scaling.factor;
  const wavelength = (2 * Math.PI) / frequency;
  const turns = scaling.originalContextLength / wavelength;
  if (turns < scaling.lowFrequencyFactor) return frequency / scaling.factor;
  if (turns > scaling.highFrequencyFactor) return frequency;
  const smooth =
    (turns - scaling.lowFrequencyFactor) / (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
  return ((1 - smooth) * frequency) / scaling.factor + smooth * frequency;
}

/**
 * Radians per position of each rotated pair, headSize / 2 of them: theta^(-2 i / headSize), scaled. All zero where
 * positions are learned: nothing turns.
 * @param local those of layers with angles of their own.
 */
export function inverseFrequencies(config: DecoderConfig, local = false): Float64Array {
  const { headSize, ropeTheta, ropeScaling } = config;
  const { positions, localRopeTheta } = traitsOf(config);
  if (positions === 'learned') return new Float64Array(headSize / 2);
  return Float64Array.from({ length: headSize / 2 }, (_, i) => {
    if (local && localRopeTheta !== null) return localRopeTheta ** ((-2 * i) / headSize);
    const frequency = ropeTheta ** ((-2 * i) / headSize);
    return ropeScaling === null ? frequency : scaledFrequency(frequency, ropeScaling);
  });
}
