// The numbers of a decoder, under the field's own terms. Reading them from config.json is parse-config's.

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
  rmsNormEpsilon: number;
  /** The output projection is the embedding. */
  tiedHead: boolean;
  stopTokenIds: number[];
  /** A token attends to itself and the `slidingWindow - 1` tokens before it (Mistral 7B); null or absent: to all before. */
  slidingWindow?: number | null;
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

/** Radians per position of each rotated pair, headSize / 2 of them: theta^(-2 i / headSize), scaled. */
export function inverseFrequencies({ headSize, ropeTheta, ropeScaling }: DecoderConfig): Float64Array {
  return Float64Array.from({ length: headSize / 2 }, (_, i) => {
    const frequency = ropeTheta ** ((-2 * i) / headSize);
    return ropeScaling === null ? frequency : scaledFrequency(frequency, ropeScaling);
  });
}
