// What training benchmarks train: shapes, batches and how. Plain data, so that it crosses into the page as it is.
import type { DecoderConfig } from '../src/models/decoder/decoder-config';
import { LORA_TARGETS, type LoraConfig, type WeightStorage } from '../src/protocol/models';

/** Weights files that loading is measured on. */
export const LOAD_FORMS = ['safetensors F32', 'safetensors BF16', 'gguf Q4_K'] as const;
export type LoadForm = (typeof LOAD_FORMS)[number];

export type Method = 'lora' | 'full';

/** Which trainer: ours on plans, ours on tfjs ops, one tape of plain tfjs, jax-js. */
export type EngineName = 'planned' | 'eager' | 'tfjs' | 'jaxjs';

export interface TrainCase {
  name: string;
  config: DecoderConfig;
  method: Method;
  rows: number;
  length: number;
}

/** The same for everybody; no clipping, no decay. Side paths start from zero and take larger steps. */
export const LEARNING_RATES: Record<Method, number> = { lora: 1e-2, full: 1e-3 };
export const WEIGHTS_SEED = 1;
export const LORA: LoraConfig = { rank: 8, alpha: 16, dropout: 0, targets: [...LORA_TARGETS] };

const llama = (
  sizes: Pick<
    DecoderConfig,
    'hiddenSize' | 'layers' | 'heads' | 'kvHeads' | 'headSize' | 'intermediateSize'
  > &
    Pick<DecoderConfig, 'vocabSize'>,
): DecoderConfig => ({
  ...sizes,
  contextLength: 2048,
  ropeTheta: 10_000,
  ropeScaling: null,
  normEpsilon: 1e-5,
  tiedHead: true,
  stopTokenIds: [],
});

const TINY = llama({
  vocabSize: 1024,
  hiddenSize: 128,
  layers: 4,
  heads: 4,
  kvHeads: 2,
  headSize: 32,
  intermediateSize: 384,
});
export const SMALL = llama({
  vocabSize: 4096,
  hiddenSize: 288,
  layers: 6,
  heads: 6,
  kvHeads: 6,
  headSize: 48,
  intermediateSize: 768,
});
/** LoRA on the sizes of the embedded model. */
export const CHISPA: TrainCase = {
  name: 'CHISPA',
  config: { ...TINY, layers: 6, contextLength: 512 },
  ...{ method: 'lora', rows: 4, length: 128 },
};
/** The sizes of SmolLM2-135M. */
export const SMOLLM2_135M: DecoderConfig = {
  ...llama({
    ...{ vocabSize: 49_152, hiddenSize: 576, layers: 30 },
    ...{ heads: 9, kvHeads: 3, headSize: 64, intermediateSize: 1536 },
  }),
  ropeTheta: 100_000,
};
/** Small enough for a thousand steps or thousands of tokens on any machine. */
export const MICRO = llama({
  vocabSize: 256,
  hiddenSize: 64,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headSize: 32,
  intermediateSize: 128,
});

/** One LoRA step of a model that would not fit in f32 together with what a step needs. */
export interface LargeCase extends Pick<TrainCase, 'name' | 'config' | 'rows' | 'length'> {
  storage: WeightStorage;
  lora: LoraConfig;
}

/** The sizes of Qwen3-0.6B. */
export const QWEN3: LargeCase = {
  name: 'QWEN3_06B',
  config: {
    ...llama({
      ...{ vocabSize: 151_936, hiddenSize: 1024, layers: 28 },
      ...{ heads: 16, kvHeads: 8, headSize: 128, intermediateSize: 3072 },
    }),
    ropeTheta: 1_000_000,
    normEpsilon: 1e-6,
  },
  storage: 'int4',
  lora: { rank: 16, alpha: 32, dropout: 0, targets: [...LORA_TARGETS] },
  rows: 1,
  length: 512,
};

/** @param shape only this one; otherwise all, or in a quick run the smallest on a quarter of its batch. */
export function trainCases(quick: boolean, shape: string | null): TrainCase[] {
  const part = quick && shape === null ? 2 : 1;
  const of = (name: string, config: DecoderConfig, rows: number): TrainCase[] =>
    (['lora', 'full'] as const).map((method) => ({
      name,
      config,
      method,
      rows: rows / part,
      length: 128 / part,
    }));
  const wanted = shape ?? (quick ? 'TINY' : null);
  const all = [...of('TINY', TINY, 4), ...of('SMALL', SMALL, 2)];
  return wanted === null ? all : all.filter(({ name }) => name === wanted);
}
