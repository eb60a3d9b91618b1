// Counts of what became of samples: all of them, and those left out by reason. Pure.

export const FILTER_REASONS = [
  'too_small',
  'too_long',
  'aspect',
  'filtered',
  'metadata_missing',
  'not_found',
  'already_exists',
  'other',
] as const;
export type FilterReason = (typeof FILTER_REASONS)[number];

export class FilteringStatistics {
  readonly #counts = new Map<FilterReason, number>(FILTER_REASONS.map((reason) => [reason, 0]));
  #processed = 0;

  get processed(): number {
    return this.#processed;
  }

  /** Of any reason. */
  get leftOut(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** @param reason null where it stays. */
  add(reason: FilterReason | null, samples = 1): void {
    this.#processed += samples;
    if (reason !== null) this.#counts.set(reason, this.count(reason) + samples);
  }

  count(reason: FilterReason): number {
    return this.#counts.get(reason) ?? 0;
  }

  /** Reasons that occurred, the most frequent first. */
  reasons(): [reason: FilterReason, count: number][] {
    return [...this.#counts].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
  }

  /** As it is stored and shown: `total_processed`, then every reason. */
  toRecord(): Record<'total_processed' | FilterReason, number> {
    const counts = Object.fromEntries(this.#counts) as Record<FilterReason, number>;
    return { total_processed: this.#processed, ...counts };
  }
}
