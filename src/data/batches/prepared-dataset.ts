// A dataset ready for training: rows of known length that are put together to batches by whoever says which, and its
// held-out part. Which rows make up a batch is not decided here.
import type { BatchPlan, DatasetSummary, TokenBatch } from '../../protocol/batches';

export interface TrainingRows {
  /** Tokens of each row; estimates where the dataset is too large to be surveyed. */
  readonly lengths: Uint32Array;
  /** The arrays are fresh: whoever gets them may give them away. */
  assemble(rows: ArrayLike<number>): Promise<TokenBatch>;
}

/** Pure: the same rows, the same batch. Errors name their dataset in `details.datasetId`. */
export interface PreparedDataset {
  readonly training: TrainingRows;
  readonly summary: DatasetSummary;
  /** 0 <= index < summary.evalBatches. */
  evalBatch(index: number): Promise<TokenBatch>;
  /** Up to `count` rendered prompts of the held-out part. */
  evalPrompts(count: number): Promise<string[]>;
  /** Forgets the tokens it keeps. */
  close(): void;
}

/** What of a plan one dataset is prepared by. */
export type RowPlan = Pick<
  BatchPlan,
  'sequenceLength' | 'batchSize' | 'trainOn' | 'packing' | 'evalShare' | 'seed'
>;
