// Chart points of one run on their way to the `runMetrics` store, in batches: one write per step would cost more than
// small steps do. What could not be written stays here and is written with the next batch.
import type { Database } from '../core/database';
import { isQuotaError, quotaError } from '../lib/storage/quota';
import type { RunMetricRow } from '../protocol/training';

const BATCH_ROWS = 20;
const BATCH_MS = 2000;

export class MetricLog {
  readonly #database: Database;
  readonly #runId: string;
  readonly #now: () => number;
  #rows: RunMetricRow[] = [];
  #flushedAt: number;

  constructor(database: Database, runId: string, now: () => number = Date.now) {
    this.#database = database;
    this.#runId = runId;
    this.#now = now;
    this.#flushedAt = now();
  }

  get pending(): number {
    return this.#rows.length;
  }

  /** @returns true when it is time to flush. */
  add(row: RunMetricRow): boolean {
    this.#rows.push(row);
    return this.#rows.length >= BATCH_ROWS || this.#now() - this.#flushedAt >= BATCH_MS;
  }

  /** Same step, same row: writing one again changes nothing. @throws AppError `storage.quota`; the rows stay. */
  async flush(): Promise<void> {
    const rows = this.#rows;
    this.#flushedAt = this.#now();
    if (rows.length === 0) return;
    try {
      const { store, done } = this.#database.transaction('runMetrics', 'readwrite');
      await Promise.all([...rows.map((row) => store.put(row)), done]);
    } catch (error) {
      throw isQuotaError(error) ? await quotaError('the chart of the run', null, error) : error;
    }
    this.#rows = this.#rows.slice(rows.length);
  }

  /** Forgets what a killed run did after its checkpoint: it is done again. */
  async dropAfter(step: number): Promise<void> {
    for (const kind of ['step', 'evaluation']) {
      const range = IDBKeyRange.bound([this.#runId, kind, step], [this.#runId, kind, Infinity], true);
      await this.#database.delete('runMetrics', range);
    }
  }

  async removeAll(): Promise<void> {
    this.#rows = [];
    await this.#database.delete('runMetrics', IDBKeyRange.bound([this.#runId], [this.#runId, []]));
  }
}
