// What the data worker feeds the engine: batches over a direct port, addressed by number, so that a stopped run
// continues with exactly the batches it would have seen.

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
  /** Which samples the dataset has to have, as it was said when the plan was first opened; absent: those it has. */
  samples?: string;
}

export interface OpenedPlan {
  planId: string;
  summary: BatchSummary;
  /** Which samples the dataset has: another text where others are read of its files, or left out. */
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
}

export interface BatchSummary extends DatasetSummary {
  batchesPerEpoch: number;
}

/** The batches of a run, read by number. Implementations are pure: same plan, same number, same batch. */
export interface BatchSource {
  summary(): Promise<BatchSummary>;
  /** `index` counts micro-batches from 0 over the whole run; epoch = floor(index / batchesPerEpoch). */
  trainBatch(index: number): Promise<TokenBatch>;
  /** 0 <= index < evalBatches. */
  evalBatch(index: number): Promise<TokenBatch>;
  /** Up to `count` rendered prompts of the evaluation split, for sample generations. */
  evalPrompts(count: number): Promise<string[]>;
  close(): Promise<void>;
}
