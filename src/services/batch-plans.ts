// Plans by number, for the engine, over datasets that are prepared once. A dataset that the page summarised is not prepared
// again when a run opens it; a few that nobody holds open are kept for that, the others are forgotten with their tokens.
import { estimateForTraining, isTooLargeToSurvey } from '../data/batches/estimated-dataset';
import type { PreparedDataset, RowPlan } from '../data/batches/prepared-dataset';
import { surveyForTraining } from '../data/batches/surveyed-dataset';
import type { KeptTokens } from '../data/caches/cached-examples';
import { checkPlan } from '../data/runtime/check-plan';
import { sharesToOpen } from '../data/runtime/mixed-datasets';
import { DEFAULT_STRATEGY, type SamplingFactories } from '../data/runtime/sampling-factories';
import { TrainingBatches } from '../data/runtime/training-batches';
import { indexPath } from '../data/storage/dataset-files';
import { SampleReader } from '../data/storage/sample-reader';
import { AppError } from '../lib/errors';
import type { BlobStore } from '../lib/storage/blob-store';
import type { BatchPlan, BatchSummary, OpenedPlan, TokenBatch } from '../protocol/batches';
import type { BatchApi } from '../protocol/data';
import type { DatasetRecord } from '../protocol/datasets';
import type { TextTools } from './text-tools';

export interface BatchPlansDependencies {
  findDataset: (id: string) => Promise<DatasetRecord>;
  blobs: BlobStore;
  tools: TextTools;
  sampling: SamplingFactories;
  /** Takes over which plugins are switched on: they bring strategies and metrics. Never rejects. */
  followPlugins: () => Promise<void>;
  /** Where the tokens of a dataset lie, and how. */
  tokensOf: (dataset: DatasetRecord) => Promise<Omit<KeptTokens, 'datasetId'>>;
  beat: () => void;
  /** Bytes of tokenised samples to keep of each dataset. */
  cacheBytes?: number;
}

/** A plan over its datasets, which it holds open. */
interface OpenPlan {
  keys: readonly string[];
  samples: string;
  batches: TrainingBatches;
}

/** A dataset of a plan, and the key that it is prepared under. */
interface PlannedDataset {
  record: DatasetRecord;
  key: string;
}

const IDLE_KEPT = 2;

export class BatchPlans implements BatchApi {
  readonly #dependencies: BatchPlansDependencies;
  readonly #prepared = new Map<string, Promise<PreparedDataset>>();
  readonly #open = new Map<string, OpenPlan>();
  #preparing = 0;
  #opened = 0;

  constructor(dependencies: BatchPlansDependencies) {
    this.#dependencies = dependencies;
  }

  get preparing(): boolean {
    return this.#preparing > 0;
  }

  async summarize(plan: BatchPlan): Promise<BatchSummary> {
    const { batches } = await this.#prepare(plan);
    return batches.summary();
  }

  async openPlan(plan: BatchPlan): Promise<OpenedPlan> {
    for (const id of sharesToOpen(plan)) assertTrained(await this.#dependencies.findDataset(id));
    const open = await this.#prepare(plan);
    const planId = `plan-${++this.#opened}`;
    this.#open.set(planId, open);
    return { planId, summary: await open.batches.summary(), samples: open.samples };
  }

  async trainBatch(planId: string, index: number): Promise<TokenBatch> {
    return this.#find(planId).trainBatch(index);
  }

  async evalBatch(planId: string, index: number): Promise<TokenBatch> {
    return this.#find(planId).evalBatch(index);
  }

  async evalPrompts(planId: string, count: number): Promise<string[]> {
    return this.#find(planId).evalPrompts(count);
  }

  samplingMetrics(planId: string): Promise<Record<string, number>> {
    return Promise.resolve(this.#find(planId).metrics());
  }

  closePlan(planId: string): Promise<void> {
    this.#open.delete(planId);
    this.#forgetIdle();
    return Promise.resolve();
  }

  /** After a dataset was deleted or read anew. Plans that are open go on with what they hold. */
  forgetDataset(datasetId: string): void {
    for (const key of [...this.#prepared.keys()]) {
      if (key.startsWith(keyStart(datasetId))) this.#prepared.delete(key);
    }
  }

  async #prepare({ samples: expected, ...plan }: BatchPlan): Promise<OpenPlan> {
    checkPlan(plan);
    const planned: PlannedDataset[] = [];
    for (const id of sharesToOpen(plan)) {
      const record = await this.#dependencies.findDataset(id);
      planned.push({ record, key: keyOf(record, rowPlan(record, plan)) });
    }
    assertSamples(planned, expected);
    const keys = planned.map(({ key }) => key);
    const datasets = new Map<string, PreparedDataset>();
    for (const { record, key } of planned) {
      datasets.set(record.id, await this.#datasetOf(record, key, plan, keys));
    }
    await this.#dependencies.followPlugins();
    const { strategies, metrics } = this.#dependencies.sampling;
    const batches = new TrainingBatches({
      plan,
      datasets,
      strategy: strategies.create(plan.mix?.strategy ?? DEFAULT_STRATEGY),
      metrics: new Map(metrics.list().map((name) => [name, metrics.create(name)])),
    });
    return { keys, samples: samplesText(planned), batches };
  }

  #datasetOf(
    record: DatasetRecord,
    key: string,
    plan: BatchPlan,
    held: readonly string[],
  ): Promise<PreparedDataset> {
    const known = this.#prepared.get(key);
    const prepared = known ?? this.#counted(() => this.#prepareDataset(record, plan));
    this.#prepared.delete(key);
    this.#prepared.set(key, prepared);
    if (known === undefined) prepared.catch(() => this.#prepared.delete(key));
    this.#forgetIdle(held);
    return prepared;
  }

  async #prepareDataset(record: DatasetRecord, plan: BatchPlan): Promise<PreparedDataset> {
    const { blobs, beat, tools, tokensOf, cacheBytes } = this.#dependencies;
    const encoder = await tools.encoderFor(plan.modelId);
    const source = await SampleReader.open(record, blobs);
    const kept = { ...(await tokensOf(record)), datasetId: record.id };
    const memory = cacheBytes === undefined ? {} : { cacheBytes };
    const prepare = isEstimated(record) ? estimateForTraining : surveyForTraining;
    return prepare({ plan: rowPlan(record, plan), source, encoder, kept, beat, ...memory });
  }

  async #counted<T>(work: () => Promise<T>): Promise<T> {
    this.#preparing++;
    try {
      return await work();
    } finally {
      this.#preparing--;
    }
  }

  /** The oldest that nobody holds open go first. */
  #forgetIdle(alsoHeld: readonly string[] = []): void {
    const held = new Set([...alsoHeld, ...[...this.#open.values()].flatMap(({ keys }) => keys)]);
    const idle = [...this.#prepared].filter(([key]) => !held.has(key));
    for (const [key] of idle.slice(0, Math.max(0, idle.length - IDLE_KEPT))) this.#prepared.delete(key);
  }

  #find(planId: string): TrainingBatches {
    const open = this.#open.get(planId);
    if (open !== undefined) return open.batches;
    throw new AppError('worker.dead', `There is no open plan "${planId}".`, {
      remedy: 'Resume the run: its batches are prepared again.',
      details: { planId },
    });
  }
}

const keyStart = (datasetId: string): string => `${JSON.stringify(datasetId)} `;

/** What a dataset is prepared by: the plan's part for rows, the model's tokens and the samples. */
function keyOf(record: DatasetRecord, plan: BatchPlan): string {
  const { sequenceLength, batchSize, trainOn, packing, evalShare, seed } = plan;
  const rows: RowPlan = { sequenceLength, batchSize, trainOn, packing, evalShare, seed };
  return `${keyStart(record.id)}${JSON.stringify([plan.modelId, rows, samplesOf(record)])}`;
}

/** A dataset that is for evaluation is held out as a whole. */
const rowPlan = (record: DatasetRecord, plan: BatchPlan): BatchPlan =>
  record.training?.evaluated === true ? { ...plan, evalShare: 1 } : plan;

const isEstimated = (record: DatasetRecord): boolean =>
  isTooLargeToSurvey(record) || record.training?.onDemand === true;

/** Which of the dataset's rows are read as what, and which are left out. */
function samplesOf(record: DatasetRecord): string {
  const { folder, format, mapping, steps = [], training } = record;
  const taken = steps.map(({ id }) => id).sort();
  // Rows of a dataset that is only estimated are other ones than those of one that was surveyed.
  const estimated = isEstimated(record) ? ['estimated'] : [];
  const cut =
    training === undefined || training.keptPart === 'beginning' ? [] : [`kept-${training.keptPart}`];
  return [indexPath(folder, format, mapping), ...taken, ...estimated, ...cut].join(' ');
}

/** A line for each dataset; one dataset is told without its id. */
function samplesText(planned: readonly PlannedDataset[]): string {
  const [only, ...others] = planned;
  if (only !== undefined && others.length === 0) return samplesOf(only.record);
  return planned.map(({ record }) => `${record.id} ${samplesOf(record)}`).join('\n');
}

/** @throws AppError `training.invalid` naming a dataset that has other samples now. */
function assertSamples(planned: readonly PlannedDataset[], expected: string | undefined): void {
  if (expected === undefined) return;
  const lines = new Set(expected.split('\n'));
  for (const { record } of planned) {
    const samples = samplesOf(record);
    if (!lines.has(samples) && !lines.has(`${record.id} ${samples}`)) throw changedDataset(record);
  }
}

/** @throws AppError `training.invalid` for a dataset that is only searched. */
function assertTrained({ id, name, training }: DatasetRecord): void {
  if (training?.searched !== true) return;
  throw new AppError('training.invalid', `"${name}" is there to be searched: it is not trained on.`, {
    remedy: 'Take another dataset, or set the dataset_type of its source to text.',
    details: { datasetId: id },
  });
}

function changedDataset({ id, name }: DatasetRecord): AppError {
  return new AppError(
    'training.invalid',
    `"${name}" is not what the run began with: other samples take part now.`,
    {
      remedy: 'Under Data, read it as before and take back what was done since; or start a new run.',
      details: { datasetId: id },
    },
  );
}
