// A dataset that was read once from end to end: every row's length is known. Tokens are made again from the stored rows
// when the cache has forgotten them.
import { AppError } from '../../lib/errors';
import type { DatasetSummary, TokenBatch } from '../../protocol/batches';
import type { Example, ExampleEncoder } from '../examples/example-encoder';
import { assembleBatch, type Segment } from './assemble-batch';
import { ExampleCache } from './example-cache';
import { evaluationBatches } from './evaluation-batches';
import { packFirstFit } from './packing';
import type { PreparedDataset, RowPlan, TrainingRows } from './prepared-dataset';
import { type SampleSource, type SequenceItem, surveyDataset, type Survey } from './survey';

export interface SurveyParts {
  plan: RowPlan;
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

/** @throws AppError `dataset.all-masked` where nothing is left to learn. */
export async function surveyForTraining(parts: SurveyParts): Promise<SurveyedDataset> {
  const cache = new ExampleCache(parts.cacheBytes ?? CACHE_BYTES);
  const survey = await surveyDataset(parts.source, parts.encoder, parts.plan, {
    onExample: (sample, example) => cache.put(sample, example),
    beat: () => parts.beat?.(),
  });
  return new SurveyedDataset(parts, survey, cache);
}

export class SurveyedDataset implements PreparedDataset {
  readonly training: TrainingRows;
  readonly summary: DatasetSummary;
  readonly #plan: RowPlan;
  readonly #source: SampleSource;
  readonly #encoder: ExampleEncoder;
  readonly #cache: ExampleCache;
  readonly #evaluation: RowSet;
  readonly #evalBatches: number[][];

  constructor({ plan, source, encoder }: SurveyParts, survey: Survey, cache: ExampleCache) {
    this.#plan = plan;
    this.#source = source;
    this.#encoder = encoder;
    this.#cache = cache;
    const train = arrangeRows(survey.train, plan);
    this.training = {
      lengths: Uint32Array.from(train.lengths),
      assemble: (rows) => this.#assemble(train, rows),
    };
    this.#evaluation = arrangeRows(survey.evaluation, plan);
    this.#evalBatches = evaluationBatches(this.#evaluation.lengths, plan.batchSize);
    this.summary = {
      trainSamples: survey.trainSamples,
      evalSamples: survey.evalSamples,
      trainTargetTokens: sumTargets(survey.train),
      evalTargetTokens: sumTargets(survey.evaluation),
      evalBatches: this.#evalBatches.length,
      truncatedSamples: survey.truncatedSamples,
      droppedSamples: survey.droppedSamples,
    };
  }

  evalBatch(index: number): Promise<TokenBatch> {
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

  close(): void {
    this.#cache.clear();
  }

  async #assemble(set: RowSet, rows: ArrayLike<number>): Promise<TokenBatch> {
    const segments: Segment[][] = [];
    for (const row of Array.from(rows)) segments.push(await this.#segments(set, set.rows[row] ?? []));
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
function arrangeRows(items: SequenceItem[], { packing, sequenceLength, seed }: RowPlan): RowSet {
  const lengths = items.map(({ window }) => window.length);
  const rows = packing ? packFirstFit(lengths, sequenceLength, seed) : lengths.map((_, i) => [i]);
  const rowLengths = rows.map((row) => row.reduce((sum, item) => sum + (lengths[item] ?? 0), 0));
  return { items, rows, lengths: rowLengths };
}

function sumTargets(items: SequenceItem[]): number {
  return items.reduce((sum, { window }) => sum + window.targets, 0);
}
