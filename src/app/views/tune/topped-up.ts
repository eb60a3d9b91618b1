// Which datasets of a run have batches that are filled up with rows that were taken before, and whether that is the rule.
import type { ShareSummary } from '../../../protocol/mix';

/** Each bucket's last batch may be short. Where so many are, the buckets themselves are smaller than a batch. */
const CHRONIC = 0.25;

export interface ToppedUp {
  datasetId: string;
  /** In each epoch. */
  toppedUp: number;
  batches: number;
  chronic: boolean;
}

/** Those that are never drawn from are left out. */
export function toppedUpShares(shares: readonly ShareSummary[]): ToppedUp[] {
  return shares
    .filter(({ draws, toppedUp }) => draws > 0 && toppedUp > 0)
    .map(({ datasetId, toppedUp, batches }) => ({
      ...{ datasetId, toppedUp, batches },
      chronic: toppedUp >= batches * CHRONIC,
    }));
}
