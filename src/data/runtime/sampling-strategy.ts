// Which rows make up a dataset's batches, for one pass over them. A strategy is a pure function: what it draws, it draws from
// the generator that it is given. Strategies have names, and plugins add others.
import type { Random } from '../../lib/random';

/** Flat arrays: it has to hold for millions of rows. */
export interface BatchOrder {
  readonly count: number;
  /** Rows of that batch, at most as many as the batch size. The array is not to be written to. */
  rows(batch: number): Uint32Array;
  /** Batches that were filled up with rows that had been taken before; absent: none. */
  readonly toppedUp?: number;
}

export interface SamplingStrategy {
  /**
   * @param lengths tokens of each row.
   * @param random makes one pass differ from the next; the number of batches does not depend on it.
   */
  (lengths: Uint32Array, batchSize: number, random: Random): BatchOrder;
  /** The upper bound of the bucket that a row of this length is in; absent: rows of all lengths stand together. */
  readonly bucketOf?: (length: number) => number;
}
