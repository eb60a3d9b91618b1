// What the data worker feeds the engine: batches over a direct port, addressed by number, so that a stopped run
// continues with exactly the batches it would have seen.
import type { DatasetMix, LeftDataset, ShareSummary } from './mix';

/** Label that takes no part in the loss. */
export const IGNORED_LABEL = -100;

/** `rows` sequences of `length` tokens, row after row. Arrays have rows * length elements. */
export interface TokenBatch {
  rows: number;
  length: number;
  /** Token ids; padding repeats any valid id with label IGNORED_LABEL. */
  tokens: Int32Array<ArrayBuffer>;
  /** labels[i] is the token to predict AT position i (already shifted), or IGNORED_LABEL. */
  labels: Int32Array<ArrayBuffer>;
  /** Position of each token inside its own sample, from 0 (RoPE position). */
  positions: Int32Array<ArrayBuffer>;
  /** Which packed sample a token belongs to, from 0 in each row; -1 is padding. Attention never crosses segments. */
  segments: Int32Array<ArrayBuffer>;
  /** Number of labels that are not IGNORED_LABEL. */
  targetTokens: number;
}

export interface BatchPlan {
  datasetId: string;
  /** Tokenizer and template belong to this model. */
  modelId: string;
  sequenceLength: number;
  batchSize: number;
  /** `assistant`: loss on the answer only; `all`: on every token. */
  trainOn: 'assistant' | 'all';
  packing: boolean;
  /** Share of samples held out for evaluation, 0 to below 1. The split depends on `seed` only. */
  evalShare: number;
  seed: number;
  /** Micro-steps of an optimizer step; absent is 1. Schedules of a mix count optimizer steps. */
  gradientAccumulation?: number;
  /** Several datasets; absent: all of `datasetId`. The first share is `datasetId`. */
  mix?: DatasetMix;
  /** Datasets of the mix that the run goes on without. */
  left?: LeftDataset[];
  /** How far a mix is looked at ahead; absent is one epoch. */
  until?: { epochs: number } | { microSteps: number };
  /** Which samples the datasets have to have, as it was said when the plan was first opened; absent: those it has. */
  samples?: string;
}

export interface OpenedPlan {
  planId: string;
  summary: BatchSummary;
  /** Which samples the datasets have: another text where others are read of their files, or left out. */
  samples: string;
}

/** What one dataset has to give. */
export interface DatasetSummary {
  trainSamples: number;
  evalSamples: number;
  /** Tokens with a label, over one pass. */
  trainTargetTokens: number;
  evalTargetTokens: number;
  evalBatches: number;
  /** Samples cut to the sequence length. */
  truncatedSamples: number;
  /** Samples left out because no label survived or they cannot be read, with the reason counted by name. */
  droppedSamples: Record<string, number>;
  /** The dataset is too large to be read beforehand: figures are about right, and what is dropped is counted as it is met. */
  estimated?: boolean;
}

export interface BatchSummary extends DatasetSummary {
  /** Of the first epoch; the others of a mix may have more or fewer. */
  batchesPerEpoch: number;
  /** Of a mix: the first micro-step of each epoch that was looked at, and of the one after them. */
  epochStarts?: number[];
  /** Of a mix: what is drawn of each dataset. */
  shares?: ShareSummary[];
}

/** The batches of a run, read by number. Implementations are pure: same plan, same number, same batch. */
export interface BatchSource {
  summary(): Promise<BatchSummary>;
  /** `index` counts micro-batches from 0 over the whole run. */
  trainBatch(index: number): Promise<TokenBatch>;
  /** 0 <= index < evalBatches. */
  evalBatch(index: number): Promise<TokenBatch>;
  /** Up to `count` rendered prompts of the evaluation split, for sample generations. */
  evalPrompts(count: number): Promise<string[]>;
  close(): Promise<void>;
}
