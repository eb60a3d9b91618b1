// What sampling is made of by name, and plugins bring: strategies that say which rows make up a dataset's batches, and figures
// about the batches that were drawn.
import type { Random } from '../lib/random';
import type { TokenBatch } from '../protocol/batches';

/** Flat arrays: it has to hold for millions of rows. */
export interface BatchOrder {
  readonly count: number;
  /** Rows of that batch, at most as many as the batch size. The array is not to be written to. */
  rows(batch: number): Uint32Array;
  /** Batches that were filled up with rows that had been taken before; absent: none. */
  readonly toppedUp?: number;
}

/** Pure: what it draws, it draws from the generator that it is given. */
export interface SamplingStrategy {
  /**
   * @param lengths tokens of each row.
   * @param random makes one pass differ from the next; the number of batches does not depend on it.
   */
  (lengths: Uint32Array, batchSize: number, random: Random): BatchOrder;
  /** The upper bound of the bucket that a row of this length is in; absent: rows of all lengths stand together. */
  readonly bucketOf?: (length: number) => number;
}

export interface BatchDraw {
  datasetId: string;
  microStep: number;
  batch: Readonly<TokenBatch>;
}

/** Sees each batch and changes none. One is made for each plan that is opened. */
export interface SamplingMetric {
  drawn(draw: BatchDraw): void;
  /** As it stands; NaN before anything was drawn. */
  value(): number;
}
