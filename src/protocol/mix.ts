// Several datasets in one run: how often each is drawn from, and when. SimpleTuner's rules, in optimizer steps.

/** `uniform`: by probability alone; `auto-weighting`: by probability and size. */
export type MixWeighting = 'uniform' | 'auto-weighting';

export interface DatasetShare {
  datasetId: string;
  /** Weight among the datasets that are active; 0 is never drawn. */
  probability: number;
  /** Passes besides the first one in each epoch; null: none, and not set by hand. */
  repeats: number | null;
  /** Epochs and optimizer steps count from 1; both ends take part. Steps from 0 on are from the beginning. */
  startEpoch: number;
  startStep: number;
  /** null: no end. */
  endEpoch: number | null;
  endStep: number | null;
  /** Optimizer steps over which its weight falls to 0; null: it does not. Of `auto-weighting` only. */
  disableAfter: number | null;
  /** Positive, negative and neutral datasets take turns where one has a strength; absent or 0 is neutral. */
  sliderStrength?: number | null;
}

export interface DatasetMix {
  weighting: MixWeighting;
  /** Name of a sampling strategy: `length-sorted`, `length-buckets`, or one that a plugin brings. */
  strategy: string;
  /** Repeats the rows of buckets that are smaller than a batch, and no others, where no repeats were set. */
  oversubscribe: boolean;
  shares: DatasetShare[];
}

/** A dataset that a run goes on without: what of it has to be known to draw as before. */
export interface LeftDataset {
  datasetId: string;
  /** The first micro-step that does not draw from it. */
  fromMicroStep: number;
  rows: number;
  /** Batches in each epoch, repeats counted. */
  batches: number;
}

/** What a run draws of one dataset. */
export interface ShareSummary {
  datasetId: string;
  rows: number;
  /** Batches in each epoch, repeats counted. */
  batches: number;
  /** Batches over the whole run; 0: it is never drawn from. */
  draws: number;
  /** Batches in each epoch that are filled up with rows that were taken before. */
  toppedUp: number;
}
