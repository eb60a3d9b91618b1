// The engine's side of the batches: a plan opened at the data worker, read by number, with the next batch on its way
// while the present one is trained. What was fetched ahead is only ever handed out under its own number.
import type { BatchPlan, BatchSource, BatchSummary, OpenedPlan, TokenBatch } from '../protocol/batches';
import type { BatchApi } from '../protocol/data';

export class PlanBatches implements BatchSource {
  readonly #api: BatchApi;
  readonly #planId: string;
  readonly #summary: BatchSummary;
  /** As the plan has to name them when it is opened again. */
  readonly samples: string;
  #ahead: { index: number; batch: Promise<TokenBatch> } | null = null;

  private constructor(api: BatchApi, { planId, summary, samples }: OpenedPlan) {
    this.#api = api;
    this.#planId = planId;
    this.#summary = summary;
    this.samples = samples;
  }

  static async open(api: BatchApi, plan: BatchPlan): Promise<PlanBatches> {
    return new PlanBatches(api, await api.openPlan(plan));
  }

  summary(): Promise<BatchSummary> {
    return Promise.resolve(this.#summary);
  }

  async trainBatch(index: number): Promise<TokenBatch> {
    const wanted = this.#ahead?.index === index ? this.#ahead.batch : this.#fetch(index);
    this.#ahead = null;
    const batch = await wanted;
    const next = this.#fetch(index + 1);
    // Nobody may ever ask for it: its failure counts only when they do.
    next.catch(() => undefined);
    this.#ahead = { index: index + 1, batch: next };
    return batch;
  }

  evalBatch(index: number): Promise<TokenBatch> {
    return this.#api.evalBatch(this.#planId, index);
  }

  evalPrompts(count: number): Promise<string[]> {
    return this.#api.evalPrompts(this.#planId, count);
  }

  async close(): Promise<void> {
    this.#ahead = null;
    await this.#api.closePlan(this.#planId);
  }

  #fetch(index: number): Promise<TokenBatch> {
    return this.#api.trainBatch(this.#planId, index);
  }
}
