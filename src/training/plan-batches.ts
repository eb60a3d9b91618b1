// The engine's side of the batches: a plan opened at the data worker, read by number, with the next batches on their way
// while the present one is trained.
import type { BatchPlan, BatchSource, BatchSummary, OpenedPlan, TokenBatch } from '../protocol/batches';
import type { BatchApi } from '../protocol/data';
import { BatchFetcher, type FetcherMetrics } from './batch-fetcher';
import { epochStartsAt } from './step-plan';

export interface PrefetchOptions {
  /** Batches that may wait; 0: none is made ahead. */
  length: number;
  /** Milliseconds, monotonic. */
  now: () => number;
}

export class PlanBatches implements BatchSource {
  readonly #api: BatchApi;
  readonly #planId: string;
  readonly #summary: BatchSummary;
  readonly #fetcher: BatchFetcher<TokenBatch>;
  /** As the plan has to name them when it is opened again. */
  readonly samples: string;

  private constructor(api: BatchApi, { planId, summary, samples }: OpenedPlan, prefetch: PrefetchOptions) {
    this.#api = api;
    this.#planId = planId;
    this.#summary = summary;
    this.samples = samples;
    this.#fetcher = new BatchFetcher({
      ...prefetch,
      fetch: (index) => api.trainBatch(planId, index),
      epochEndsBefore: (index) => epochStartsAt(summary, index),
    });
  }

  static async open(api: BatchApi, plan: BatchPlan, prefetch: PrefetchOptions): Promise<PlanBatches> {
    return new PlanBatches(api, await api.openPlan(plan), prefetch);
  }

  get metrics(): FetcherMetrics {
    return this.#fetcher.metrics;
  }

  summary(): Promise<BatchSummary> {
    return Promise.resolve(this.#summary);
  }

  trainBatch(index: number): Promise<TokenBatch> {
    return this.#fetcher.take(index);
  }

  evalBatch(index: number): Promise<TokenBatch> {
    return this.#api.evalBatch(this.#planId, index);
  }

  evalPrompts(count: number): Promise<string[]> {
    return this.#api.evalPrompts(this.#planId, count);
  }

  /** Figures about what was drawn so far, what is made ahead counted. */
  samplingMetrics(): Promise<Record<string, number>> {
    return this.#api.samplingMetrics(this.#planId);
  }

  /** The batch that is being made is not waited for: it may be the data worker that is gone. */
  async close(): Promise<void> {
    void this.#fetcher.stop();
    await this.#api.closePlan(this.#planId);
  }
}
