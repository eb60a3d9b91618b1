// The batches of a run: datasets that are prepared, and the order that a strategy and the mix bring their rows into. Batch n
// is a pure function of the plan and n. Held-out rows of all datasets are evaluated, one dataset after the other.
import { AppError } from '../../lib/errors';
import { hashSeed, Random } from '../../lib/random';
import type {
  BatchPlan,
  BatchSource,
  BatchSummary,
  DatasetSummary,
  TokenBatch,
} from '../../protocol/batches';
import type { PreparedDataset } from '../batches/prepared-dataset';
import { checkPlan } from './check-plan';
import { MixedDatasets } from './mixed-datasets';
import type { SamplingMetric } from '../../core/sampling';
import type { BatchOrder, SamplingStrategy } from '../../core/sampling';

export interface TrainingBatchesParts {
  plan: BatchPlan;
  /** By id, in the order of the mix; those that were left behind are missing. */
  datasets: ReadonlyMap<string, PreparedDataset>;
  strategy: SamplingStrategy;
  metrics?: ReadonlyMap<string, SamplingMetric>;
}

/** Where the rows of a batch are. */
interface RowChoice {
  datasetId: string;
  dataset: PreparedDataset;
  rows: Uint32Array;
}

export class TrainingBatches implements BatchSource {
  readonly #parts: TrainingBatchesParts;
  readonly #mixed: MixedDatasets | null;
  readonly #summary: BatchSummary;
  #order: { epoch: number; order: BatchOrder } | null = null;

  constructor(parts: TrainingBatchesParts) {
    checkPlan(parts.plan);
    this.#parts = parts;
    const { mix } = parts.plan;
    this.#mixed = mix === undefined ? null : new MixedDatasets({ ...parts, plan: { ...parts.plan, mix } });
    this.#summary = this.#summarise();
  }

  /** What is dropped of a dataset that was not read beforehand is counted as it is met. */
  summary(): Promise<BatchSummary> {
    const sums = sumOf([...this.#parts.datasets.values()].map(({ summary }) => summary));
    return Promise.resolve(structuredClone({ ...this.#summary, ...sums }));
  }

  async trainBatch(index: number): Promise<TokenBatch> {
    checkIndex(index, Infinity);
    const { datasetId, dataset, rows } = this.#mixed === null ? this.#single(index) : this.#mixed.at(index);
    const batch = await named(datasetId, () => dataset.training.assemble(rows));
    for (const metric of this.#parts.metrics?.values() ?? []) {
      metric.drawn({ datasetId, microStep: index, batch });
    }
    return batch;
  }

  async evalBatch(index: number): Promise<TokenBatch> {
    checkIndex(index, this.#summary.evalBatches);
    let at = index;
    for (const [datasetId, dataset] of this.#parts.datasets) {
      if (at < dataset.summary.evalBatches) return named(datasetId, () => dataset.evalBatch(at));
      at -= dataset.summary.evalBatches;
    }
    throw new AppError('internal', `No dataset has the evaluation batch ${index}.`);
  }

  /** Of the datasets in turn, so that each is heard where there are enough. */
  async evalPrompts(count: number): Promise<string[]> {
    const lists: string[][] = [];
    for (const [datasetId, dataset] of this.#parts.datasets) {
      lists.push(await named(datasetId, () => dataset.evalPrompts(count)));
    }
    const turns = Array.from({ length: count }, (_, turn) =>
      lists.flatMap((list) => list.slice(turn, turn + 1)),
    );
    return turns.flat().slice(0, count);
  }

  /** What was drawn so far, by the names of the metrics; what has no value yet is left out. */
  metrics(): Record<string, number> {
    const values = [...(this.#parts.metrics ?? [])].map(([name, metric]) => [name, metric.value()] as const);
    return Object.fromEntries(values.filter(([, value]) => Number.isFinite(value)));
  }

  close(): Promise<void> {
    this.#order = null;
    return Promise.resolve();
  }

  #summarise(): BatchSummary {
    const { datasets, plan } = this.#parts;
    const sums = sumOf([...datasets.values()].map(({ summary }) => summary));
    if (this.#mixed === null) return { ...sums, batchesPerEpoch: this.#epochOrder(0).count };
    const { epochStarts } = this.#mixed.extent;
    const shares = this.#mixed.summary();
    const drawn = (plan.mix?.shares ?? []).flatMap(({ probability }, i) =>
      probability > 0 ? [shares[i]] : [],
    );
    // A run shorter than an epoch does not see its end.
    const batchesPerEpoch = epochStarts[1] ?? drawn.reduce((sum, share) => sum + (share?.batches ?? 0), 0);
    return { ...sums, batchesPerEpoch, epochStarts, shares };
  }

  #single(index: number): RowChoice {
    const { batchesPerEpoch } = this.#summary;
    const order = this.#epochOrder(Math.floor(index / batchesPerEpoch));
    return { ...this.#only(), rows: order.rows(index % batchesPerEpoch) };
  }

  #epochOrder(epoch: number): BatchOrder {
    if (this.#order?.epoch !== epoch) {
      const { strategy, plan } = this.#parts;
      const random = new Random(hashSeed(plan.seed, 'epoch', epoch));
      const { lengths } = this.#only().dataset.training;
      this.#order = { epoch, order: strategy(lengths, plan.batchSize, random) };
    }
    return this.#order.order;
  }

  #only(): { datasetId: string; dataset: PreparedDataset } {
    const { datasetId } = this.#parts.plan;
    const dataset = this.#parts.datasets.get(datasetId);
    if (dataset === undefined) throw new AppError('internal', `The dataset ${datasetId} was not prepared.`);
    return { datasetId, dataset };
  }
}

function sumOf(summaries: readonly DatasetSummary[]): DatasetSummary {
  const sum = (pick: (summary: DatasetSummary) => number): number =>
    summaries.reduce((total, summary) => total + pick(summary), 0);
  const droppedSamples: Record<string, number> = {};
  for (const [reason, count] of summaries.flatMap((summary) => Object.entries(summary.droppedSamples))) {
    droppedSamples[reason] = (droppedSamples[reason] ?? 0) + count;
  }
  return {
    trainSamples: sum(({ trainSamples }) => trainSamples),
    evalSamples: sum(({ evalSamples }) => evalSamples),
    trainTargetTokens: sum(({ trainTargetTokens }) => trainTargetTokens),
    evalTargetTokens: sum(({ evalTargetTokens }) => evalTargetTokens),
    evalBatches: sum(({ evalBatches }) => evalBatches),
    truncatedSamples: sum(({ truncatedSamples }) => truncatedSamples),
    droppedSamples,
    ...(summaries.some(({ estimated }) => estimated) ? { estimated: true } : {}),
  };
}

/** An error says which dataset it is about. */
async function named<T>(datasetId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { message, remedy, details } = error;
    throw new AppError(String(error.code), message, {
      ...(remedy === null ? {} : { remedy }),
      details: { ...details, datasetId },
      cause: error,
    });
  }
}

function checkIndex(index: number, count: number): void {
  if (Number.isSafeInteger(index) && index >= 0 && index < count) return;
  throw new AppError('internal', `There is no batch ${index}; there are ${count}.`, {
    details: { index, count },
  });
}
