// Reads the stored chart points of a run, in pages, so that a long run never blocks the page.
import type { Database } from '../../core/database';
import type { RunMetricRow } from '../../protocol/training';

/** About 2 ms of structured cloning a page. */
const PAGE = 500;

export interface MetricsSource {
  /** Rows of one kind, ascending by step, page after page. */
  rows(runId: string, kind: RunMetricRow['kind']): AsyncIterable<RunMetricRow[]>;
}

export class StoredMetrics implements MetricsSource {
  readonly #database: Promise<Database | null>;

  /** `null` where the browser refuses IndexedDB: there is nothing stored then. */
  constructor(database: Promise<Database | null>) {
    this.#database = database;
  }

  async *rows(runId: string, kind: RunMetricRow['kind']): AsyncGenerator<RunMetricRow[]> {
    const database = await this.#database;
    if (database === null) return;
    let after = -1;
    for (;;) {
      const range = IDBKeyRange.bound([runId, kind, after], [runId, kind, Infinity], true);
      const page = await database.getAll('runMetrics', range, PAGE);
      const last = page.at(-1);
      if (last === undefined) return;
      yield page;
      if (page.length < PAGE) return;
      after = last.step;
    }
  }
}
