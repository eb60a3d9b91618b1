// What the data worker keeps of work that it has done, and how much room that takes.

export interface CacheSizes {
  /** At most this much is kept. */
  budgetBytes: number;
  /** Why nothing is kept in this session; null where it is. */
  off: string | null;
  datasets: CacheSize[];
}

export interface CacheSize {
  datasetId: string;
  values: number;
  bytes: number;
}
