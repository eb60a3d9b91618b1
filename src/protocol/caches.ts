// What the data worker keeps of work that it has done, where, and how much room that takes.

export interface CacheSizes {
  /** The storage of this page first. */
  stores: StoreSizes[];
}

/** One place that caches lie in. */
export interface StoreSizes {
  /** Id of the backend of dataset_type text_embeds that it is; null: the storage of this page. */
  storeId: string | null;
  /** Tokenised samples. */
  tokens: ValueSizes;
  /** What encoders made of samples. */
  vectors: ValueSizes;
}

export interface ValueSizes {
  /** At most this much is kept; null: as much as the place takes. */
  budgetBytes: number | null;
  /** Why nothing is kept in this session; null where it is. */
  off: string | null;
  datasets: CacheSize[];
}

export interface CacheSize {
  datasetId: string;
  values: number;
  bytes: number;
}
