// The batches of a run: datasets that are prepared, and the order that a strategy brings their rows into. Batch n is a pure
// function of the plan and n.
import { AppError } from '../../lib/errors';
import { hashSeed, Random } from '../../lib/random';
import type { BatchPlan, BatchSource, BatchSummary, TokenBatch } from '../../protocol/batches';
import type { PreparedDataset } from '../batches/prepared-dataset';
import type { BatchOrder, SamplingStrategy } from './sampling-strategy';

export interface TrainingBatchesParts {
  plan: BatchPlan;
  dataset: PreparedDataset;
  strategy: SamplingStrategy;
}

export class TrainingBatches implements BatchSource {
  readonly #parts: TrainingBatchesParts;
  readonly #summary: BatchSummary;
  #order: { epoch: number; order: BatchOrder } | null = null;

  constructor(parts: TrainingBatchesParts) {
    checkPlan(parts.plan);
    this.#parts = parts;
    this.#summary = { ...parts.dataset.summary, batchesPerEpoch: this.#epochOrder(0).count };
  }

  summary(): Promise<BatchSummary> {
    return Promise.resolve(structuredClone(this.#summary));
  }

  async trainBatch(index: number): Promise<TokenBatch> {
    const { batchesPerEpoch } = this.#summary;
    checkIndex(index, Infinity);
    const order = this.#epochOrder(Math.floor(index / batchesPerEpoch));
    return this.#parts.dataset.training.assemble(order.rows(index % batchesPerEpoch));
  }

  async evalBatch(index: number): Promise<TokenBatch> {
    checkIndex(index, this.#summary.evalBatches);
    return this.#parts.dataset.evalBatch(index);
  }

  evalPrompts(count: number): Promise<string[]> {
    return this.#parts.dataset.evalPrompts(count);
  }

  close(): Promise<void> {
    this.#parts.dataset.close();
    this.#order = null;
    return Promise.resolve();
  }

  #epochOrder(epoch: number): BatchOrder {
    if (this.#order?.epoch !== epoch) {
      const { dataset, strategy, plan } = this.#parts;
      const random = new Random(hashSeed(plan.seed, 'epoch', epoch));
      this.#order = { epoch, order: strategy(dataset.training.lengths, plan.batchSize, random) };
    }
    return this.#order.order;
  }
}

function checkIndex(index: number, count: number): void {
  if (Number.isSafeInteger(index) && index >= 0 && index < count) return;
  throw new AppError('internal', `There is no batch ${index}; there are ${count}.`, {
    details: { index, count },
  });
}

/** @throws AppError `config.invalid` for a plan out of range. */
export function checkPlan(plan: BatchPlan): void {
  const whole = (name: 'sequenceLength' | 'batchSize', least: number): void => {
    if (Number.isSafeInteger(plan[name]) && plan[name] >= least) return;
    throw new AppError(
      'config.invalid',
      `${name} is ${plan[name]}; it must be a whole number of at least ${least}.`,
      {
        remedy: `Set ${name} to ${least} or more.`,
        details: { path: name, value: plan[name] },
      },
    );
  };
  whole('sequenceLength', 2);
  whole('batchSize', 1);
  if (plan.evalShare >= 0 && plan.evalShare < 1) return;
  throw new AppError('config.invalid', `evalShare is ${plan.evalShare}; it must be from 0 to below 1.`, {
    remedy: 'Set evalShare to 0.1, or to 0 for no evaluation.',
    details: { path: 'evalShare', value: plan.evalShare },
  });
}
