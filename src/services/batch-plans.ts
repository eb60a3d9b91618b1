// Prepared plans by number, for the engine. A plan that the page summarised is not prepared again when it is opened; a
// few that nobody holds open are kept for that, the others are forgotten with their tokens.
import { surveyForTraining } from '../data/batches/surveyed-dataset';
import type { TokenCache } from '../data/caches/token-cache';
import { DEFAULT_STRATEGY, type SamplingFactories } from '../data/runtime/sampling-factories';
import { checkPlan, TrainingBatches } from '../data/runtime/training-batches';
import type { ExampleEncoder } from '../data/examples/example-encoder';
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
  tokens: TokenCache;
  beat: () => void;
}

const IDLE_KEPT = 2;

export class BatchPlans implements BatchApi {
  readonly #dependencies: BatchPlansDependencies;
  readonly #prepared = new Map<string, Promise<TrainingBatches>>();
  readonly #open = new Map<string, { key: string; plan: TrainingBatches }>();
  #preparing = 0;
  #opened = 0;

  constructor(dependencies: BatchPlansDependencies) {
    this.#dependencies = dependencies;
  }

  get preparing(): boolean {
    return this.#preparing > 0;
  }

  async summarize(plan: BatchPlan): Promise<BatchSummary> {
    const { prepared } = await this.#prepare(plan);
    return (await prepared).summary();
  }

  async openPlan(plan: BatchPlan): Promise<OpenedPlan> {
    const { key, prepared, samples } = await this.#prepare(plan);
    const ready = await prepared;
    const planId = `plan-${++this.#opened}`;
    this.#open.set(planId, { key, plan: ready });
    return { planId, summary: await ready.summary(), samples };
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

  closePlan(planId: string): Promise<void> {
    this.#open.delete(planId);
    this.#forgetIdle();
    return Promise.resolve();
  }

  /** After a dataset was deleted or read anew. Plans that are open go on with what they hold. */
  forgetDataset(datasetId: string): void {
    for (const key of [...this.#prepared.keys()]) {
      if (key.includes(JSON.stringify(datasetId))) this.#prepared.delete(key);
    }
  }

  async #prepare(
    asked: BatchPlan,
  ): Promise<{ key: string; prepared: Promise<TrainingBatches>; samples: string }> {
    const { samples: expected, ...plan } = asked;
    const { findDataset, tools } = this.#dependencies;
    const record = await findDataset(plan.datasetId);
    const samples = samplesOf(record);
    if (expected !== undefined && expected !== samples) throw changedDataset(record);
    const encoder = await tools.encoderFor(plan.modelId);
    const key = JSON.stringify([plan, samples]);
    const known = this.#prepared.get(key);
    const prepared = known ?? this.#counted(() => this.#batchesOf(plan, record, encoder));
    this.#prepared.delete(key);
    this.#prepared.set(key, prepared);
    if (known === undefined) prepared.catch(() => this.#prepared.delete(key));
    this.#forgetIdle();
    return { key, prepared, samples };
  }

  async #batchesOf(
    plan: BatchPlan,
    record: DatasetRecord,
    encoder: ExampleEncoder,
  ): Promise<TrainingBatches> {
    checkPlan(plan);
    const { blobs, beat, sampling, tokens } = this.#dependencies;
    const source = await SampleReader.open(record, blobs);
    const dataset = await surveyForTraining({
      plan,
      source,
      encoder,
      kept: { cache: tokens, datasetId: record.id },
      beat,
    });
    return new TrainingBatches({ plan, dataset, strategy: sampling.strategies.create(DEFAULT_STRATEGY) });
  }

  async #counted(work: () => Promise<TrainingBatches>): Promise<TrainingBatches> {
    this.#preparing++;
    try {
      return await work();
    } finally {
      this.#preparing--;
    }
  }

  /** The oldest that nobody holds open go first. */
  #forgetIdle(): void {
    const held = new Set([...this.#open.values()].map(({ key }) => key));
    const idle = [...this.#prepared].filter(([key]) => !held.has(key));
    for (const [key] of idle.slice(0, Math.max(0, idle.length - IDLE_KEPT))) this.#prepared.delete(key);
  }

  #find(planId: string): TrainingBatches {
    const open = this.#open.get(planId);
    if (open !== undefined) return open.plan;
    throw new AppError('dataset.unknown', `There is no open plan "${planId}".`, {
      remedy: 'Resume the run: its batches are prepared again.',
      details: { planId },
    });
  }
}

/** Which of the dataset's rows are read as what, and which are left out. */
function samplesOf({ folder, format, mapping, steps = [] }: DatasetRecord): string {
  const taken = steps.map(({ id }) => id).sort();
  return [indexPath(folder, format, mapping), ...taken].join(' ');
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
