// Small models to begin with, by size. Only what their pages say: the name, the number of weights, whether terms must be accepted.
// Which of them this build can run is the engine's answer.

export interface Starter {
  repositoryId: string;
  /** Number of weights. */
  parameters: number;
  /** As its config.json names it. */
  architecture: string;
  gated: boolean;
}

export const STARTERS: readonly Starter[] = [
  starter('HuggingFaceTB/SmolLM2-135M-Instruct', 134_515_008, 'LlamaForCausalLM'),
  starter('google/gemma-3-270m-it', 268_098_176, 'Gemma3ForCausalLM', true),
  starter('HuggingFaceTB/SmolLM2-360M-Instruct', 361_821_120, 'LlamaForCausalLM'),
  starter('Qwen/Qwen2.5-0.5B-Instruct', 494_032_768, 'Qwen2ForCausalLM'),
  starter('Qwen/Qwen3-0.6B', 596_049_920, 'Qwen3ForCausalLM'),
  starter('TinyLlama/TinyLlama-1.1B-Chat-v1.0', 1_100_048_384, 'LlamaForCausalLM'),
  starter('meta-llama/Llama-3.2-1B-Instruct', 1_235_814_400, 'LlamaForCausalLM', true),
];

function starter(repositoryId: string, parameters: number, architecture: string, gated = false): Starter {
  return { repositoryId, parameters, architecture, gated };
}

/** `Qwen3-0.6B` of `Qwen/Qwen3-0.6B`. */
export function shortName(repositoryId: string): string {
  return repositoryId.split('/').at(-1) ?? repositoryId;
}
