// The datasets of a mix under one numbering: which dataset and which of its rows a micro-step takes. A dataset that was left
// behind is known by its size only, so that what was drawn before stays what it was.
import { AppError } from '../../lib/errors';
import { hashSeed, Random } from '../../lib/random';
import type { BatchPlan } from '../../protocol/batches';
import type { DatasetShare, LeftDataset, ShareSummary } from '../../protocol/mix';
import type { PreparedDataset } from '../batches/prepared-dataset';
import { MixIterator, type MixSource } from './mix-iterator';
import type { MixDraw } from './mix-position';
import { type Occurrences, occurrencesOf } from './occurrences';
import { measureRun, type RunExtent } from './run-extent';
import type { BatchOrder, SamplingStrategy } from '../../core/sampling';

export interface MixedParts {
  plan: BatchPlan & Required<Pick<BatchPlan, 'mix'>>;
  /** By id; those that were left behind are missing. */
  datasets: ReadonlyMap<string, PreparedDataset>;
  strategy: SamplingStrategy;
}

interface OpenShare {
  dataset: PreparedDataset;
  occurrences: Occurrences;
  order: { cycle: number; order: BatchOrder };
}

export class MixedDatasets {
  readonly extent: RunExtent;
  readonly #parts: MixedParts;
  readonly #shares: readonly DatasetShare[];
  readonly #open: readonly (OpenShare | null)[];
  readonly #sources: readonly MixSource[];
  readonly #iterator: MixIterator;

  /** @throws AppError `config.invalid` for buckets that are too small, `training.invalid` where nothing is active. */
  constructor(parts: MixedParts) {
    const { plan } = parts;
    this.#parts = parts;
    this.#shares = plan.mix.shares;
    this.#open = this.#shares.map((share) => this.#openShare(share));
    this.#sources = this.#shares.map((share, index) => this.#sourceOf(share, index));
    this.#iterator = new MixIterator(this.#sources, {
      weighting: plan.mix.weighting,
      gradientAccumulation: plan.gradientAccumulation ?? 1,
      seed: plan.seed,
    });
    this.extent = measureRun(this.#iterator, this.#sources.length, plan.until);
  }

  at(microStep: number): { datasetId: string; dataset: PreparedDataset; rows: Uint32Array } {
    const draw = this.#iterator.at(microStep);
    const open = this.#open[draw.source] ?? null;
    const datasetId = this.#shares[draw.source]?.datasetId ?? '';
    if (open === null) {
      throw new AppError('internal', `Micro-step ${microStep} draws from ${datasetId}, which was left.`);
    }
    const rows = this.#order(draw, open).rows(draw.batch);
    return { datasetId, dataset: open.dataset, rows: rows.map((row) => open.occurrences.row(row)) };
  }

  summary(): ShareSummary[] {
    return this.#sources.map(({ share, rows, batches }, index) => ({
      datasetId: share.datasetId,
      rows,
      batches,
      draws: this.extent.draws[index] ?? 0,
      toppedUp: this.#open[index]?.order.order.toppedUp ?? 0,
    }));
  }

  #openShare(share: DatasetShare): OpenShare | null {
    const { plan, datasets, strategy } = this.#parts;
    const dataset = datasets.get(share.datasetId);
    if (dataset === undefined) return null;
    const occurrences = occurrencesOf(dataset.training.lengths, {
      datasetId: share.datasetId,
      repeats: share.repeats,
      bucketOf: strategy.bucketOf,
      effectiveBatch: plan.batchSize * (plan.gradientAccumulation ?? 1),
      oversubscribe: plan.mix.oversubscribe,
    });
    const order = this.#makeOrder(share.datasetId, occurrences, 0);
    return { dataset, occurrences, order: { cycle: 0, order } };
  }

  #sourceOf(share: DatasetShare, index: number): MixSource {
    const open = this.#open[index] ?? null;
    const left = this.#parts.plan.left?.find(({ datasetId }) => datasetId === share.datasetId);
    if (left !== undefined)
      return { share, rows: left.rows, batches: left.batches, until: left.fromMicroStep };
    if (open === null) throw new AppError('internal', `The dataset ${share.datasetId} was not prepared.`);
    const { dataset, order } = open;
    return { share, rows: dataset.training.lengths.length, batches: order.order.count, until: Infinity };
  }

  #order({ source, cycle }: MixDraw, open: OpenShare): BatchOrder {
    if (open.order.cycle !== cycle) {
      const datasetId = this.#shares[source]?.datasetId ?? '';
      open.order = { cycle, order: this.#makeOrder(datasetId, open.occurrences, cycle) };
    }
    return open.order.order;
  }

  #makeOrder(datasetId: string, { lengths }: Occurrences, cycle: number): BatchOrder {
    const { plan, strategy } = this.#parts;
    const random = new Random(hashSeed(plan.seed, 'epoch', cycle, datasetId));
    return strategy(lengths, plan.batchSize, random);
  }
}

/** The shares that are to be opened. */
export function sharesToOpen(plan: BatchPlan): string[] {
  const left = new Set((plan.left ?? []).map(({ datasetId }: LeftDataset) => datasetId));
  const ids = plan.mix?.shares.map(({ datasetId }) => datasetId) ?? [plan.datasetId];
  return ids.filter((id) => !left.has(id));
}
