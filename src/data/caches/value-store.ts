// Where the values of a cache lie: the browser's database, a bucket, memory. It knows neither what they mean nor when they
// are made; what is damaged or gone it says, and value-cache.ts decides.

/** A value as it is kept. */
export interface StoredValue {
  /** SHA-256, hex, of what it was made of. */
  key: string;
  /** Whose it is: for sizes and for clearing. */
  datasetId: string;
  bytes: ArrayBuffer;
  gzip: boolean;
}

export interface ValueSize {
  values: number;
  bytes: number;
}

export interface ValueStore {
  /** At most so much is kept; null: as much as the place takes. */
  readonly budgetBytes: number | null;
  /** Dates of use wait for so long that they are to be written. */
  readonly overdue: boolean;
  /** In the order of the keys; undefined where there is none. */
  read(keys: readonly string[]): Promise<(Pick<StoredValue, 'bytes' | 'gzip'> | undefined)[]>;
  /** Those of the keys that have a value; no value is read. */
  known(keys: readonly string[]): Promise<Set<string>>;
  /** All of them, and what else waits. Values that were not used for long go where the budget is spent. */
  write(values: readonly StoredValue[]): Promise<void>;
  /** Nothing is found under the key afterwards. */
  forget(key: string): Promise<void>;
  /** By dataset; no value is read. */
  sizes(): Promise<Map<string, ValueSize>>;
  /** @param datasetId null: all. */
  clear(datasetId: string | null): Promise<void>;
}
