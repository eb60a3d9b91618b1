// A dataset ready to be read batch by batch. Batch n is a pure function of the plan and n; tokens are made again from the
// stored rows when the cache has forgotten them.
import { AppError } from '../../lib/errors';
import type { BatchPlan, BatchSource, BatchSummary, TokenBatch } from '../../protocol/batches';
import type { Example, ExampleEncoder } from '../examples/example-encoder';
import { assembleBatch, type Segment } from './assemble-batch';
import { epochBatches, evaluationBatches } from './batch-order';
import { ExampleCache } from './example-cache';
import { packFirstFit } from './packing';
import { type SampleSource, type SequenceItem, surveyDataset, type Survey } from './survey';

export interface PlanParts {
  plan: BatchPlan;
  source: SampleSource;
  encoder: ExampleEncoder;
  /** Bytes of tokenised samples to keep. */
  cacheBytes?: number;
  beat?: () => void;
}

/** Sequences that stand in one row together. */
interface RowSet {
  items: SequenceItem[];
  rows: number[][];
  lengths: number[];
}

const CACHE_BYTES = 64 << 20;

/** @throws AppError `config.invalid` for a plan out of range, `dataset.all-masked` where nothing is left to learn. */
export async function preparePlan(parts: PlanParts): Promise<PreparedPlan> {
  checkPlan(parts.plan);
  const cache = new ExampleCache(parts.cacheBytes ?? CACHE_BYTES);
  const survey = await surveyDataset(parts.source, parts.encoder, parts.plan, {
    onExample: (sample, example) => cache.put(sample, example),
    beat: () => parts.beat?.(),
  });
  return new PreparedPlan(parts, survey, cache);
}

export class PreparedPlan implements BatchSource {
  readonly #plan: BatchPlan;
  readonly #source: SampleSource;
  readonly #encoder: ExampleEncoder;
  readonly #cache: ExampleCache;
  readonly #train: RowSet;
  readonly #evaluation: RowSet;
  readonly #evalBatches: number[][];
  readonly #summary: BatchSummary;
  #epoch: { number: number; batches: number[][] } | null = null;

  constructor({ plan, source, encoder }: PlanParts, survey: Survey, cache: ExampleCache) {
    this.#plan = plan;
    this.#source = source;
    this.#encoder = encoder;
    this.#cache = cache;
    this.#train = arrangeRows(survey.train, plan);
    this.#evaluation = arrangeRows(survey.evaluation, plan);
    this.#evalBatches = evaluationBatches(this.#evaluation.lengths, plan.batchSize);
    this.#summary = {
      trainSamples: survey.trainSamples,
      evalSamples: survey.evalSamples,
      trainTargetTokens: sumTargets(survey.train),
      evalTargetTokens: sumTargets(survey.evaluation),
      batchesPerEpoch: Math.ceil(this.#train.rows.length / plan.batchSize),
      evalBatches: this.#evalBatches.length,
      truncatedSamples: survey.truncatedSamples,
      droppedSamples: survey.droppedSamples,
    };
  }

  summary(): Promise<BatchSummary> {
    return Promise.resolve(structuredClone(this.#summary));
  }

  async trainBatch(index: number): Promise<TokenBatch> {
    const { batchesPerEpoch } = this.#summary;
    checkIndex(index, Infinity);
    const batches = this.#epochOrder(Math.floor(index / batchesPerEpoch));
    return this.#assemble(this.#train, batches[index % batchesPerEpoch] ?? []);
  }

  async evalBatch(index: number): Promise<TokenBatch> {
    checkIndex(index, this.#evalBatches.length);
    return this.#assemble(this.#evaluation, this.#evalBatches[index] ?? []);
  }

  async evalPrompts(count: number): Promise<string[]> {
    const samples = [...new Set(this.#evaluation.items.map(({ sample }) => sample))];
    const prompts: string[] = [];
    for (const sample of samples) {
      if (prompts.length >= count) break;
      const prompt = this.#encoder.prompt(await this.#source.read(sample));
      if (prompt !== null && prompt !== '') prompts.push(prompt);
    }
    return prompts;
  }

  close(): Promise<void> {
    this.#cache.clear();
    this.#epoch = null;
    return Promise.resolve();
  }

  #epochOrder(number: number): number[][] {
    if (this.#epoch?.number !== number) {
      const { batchSize, seed } = this.#plan;
      this.#epoch = { number, batches: epochBatches(this.#train.lengths, batchSize, seed, number) };
    }
    return this.#epoch.batches;
  }

  async #assemble(set: RowSet, rows: number[]): Promise<TokenBatch> {
    const segments: Segment[][] = [];
    for (const row of rows) segments.push(await this.#segments(set, set.rows[row] ?? []));
    return assembleBatch(segments, this.#plan.sequenceLength);
  }

  async #segments(set: RowSet, numbers: number[]): Promise<Segment[]> {
    const segments: Segment[] = [];
    for (const number of numbers) {
      const item = set.items[number];
      if (item === undefined) continue;
      segments.push({ example: await this.#example(item.sample), window: item.window });
    }
    return segments;
  }

  async #example(sample: number): Promise<Example> {
    const cached = this.#cache.get(sample);
    if (cached !== null) return cached;
    const example = this.#encoder.encode(await this.#source.read(sample), this.#plan.trainOn);
    if (typeof example === 'string') {
      throw new AppError('internal', `Sample ${sample} was counted and is now dropped: ${example}.`);
    }
    this.#cache.put(sample, example);
    return example;
  }
}

/** One sequence to a row, or packed. */
function arrangeRows(items: SequenceItem[], { packing, sequenceLength, seed }: BatchPlan): RowSet {
  const lengths = items.map(({ window }) => window.length);
  const rows = packing ? packFirstFit(lengths, sequenceLength, seed) : lengths.map((_, i) => [i]);
  const rowLengths = rows.map((row) => row.reduce((sum, item) => sum + (lengths[item] ?? 0), 0));
  return { items, rows, lengths: rowLengths };
}

function sumTargets(items: SequenceItem[]): number {
  return items.reduce((sum, { window }) => sum + window.targets, 0);
}

function checkIndex(index: number, count: number): void {
  if (Number.isSafeInteger(index) && index >= 0 && index < count) return;
  throw new AppError('internal', `There is no batch ${index}; there are ${count}.`, {
    details: { index, count },
  });
}

function checkPlan(plan: BatchPlan): void {
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
