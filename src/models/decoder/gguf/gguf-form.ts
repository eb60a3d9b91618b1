// How a family stands in GGUF: its architecture, which of the usual names it has, and what of its config.json the metadata
// says. A family's file has one; what all of them share is gguf-config's and gguf-names'.
import type { GgufValue } from '../../../lib/formats/gguf/gguf-types';
import type { DecoderConfig } from '../decoder-config';

/** Numbers of the architecture's own keys; null where one is missing. */
export type GgufNumbers = (key: string) => number | null;

export interface GgufForm {
  /** general.architecture, and what its keys begin with. */
  architecture: string;
  epsilonKey: 'attention.layer_norm_rms_epsilon' | 'attention.layer_norm_epsilon';
  /** llama.cpp rotates neighbours here, so rows of q and k lie in another order. */
  movesRows: boolean;
  /** Projections that are one tensor there, their rows below each other. */
  fused: readonly ('qkv' | 'gate-up')[];
  /** Names of a layer's norms where they are not those of a Llama's tensors, by the decoder's module. */
  norms?: Readonly<Record<string, string>>;
  /** config.json, from what all families share under a Llama's names. */
  configJson(common: Record<string, unknown>, numbers: GgufNumbers): Record<string, unknown>;
  /**
   * What llama.cpp needs besides what all families share.
   * @throws AppError `model.unsupported` for a model that cannot be said in GGUF.
   */
  metadata?(config: DecoderConfig): [key: string, value: GgufValue][];
}

/** A Llama's, and a Mistral's. */
export const LLAMA_FORM: GgufForm = {
  architecture: 'llama',
  epsilonKey: 'attention.layer_norm_rms_epsilon',
  movesRows: true,
  fused: [],
  configJson: (common, numbers) => {
    const isWindowed = numbers('attention.sliding_window') !== null;
    return {
      ...common,
      architectures: [isWindowed ? 'MistralForCausalLM' : 'LlamaForCausalLM'],
      model_type: isWindowed ? 'mistral' : 'llama',
      hidden_act: 'silu',
    };
  },
};
