// A dataset that was read once from end to end: every row's length is known. Tokens are made again from the stored rows
// when the caches have forgotten them.
import { nextEventTurn } from '../../lib/async/event-turn';
import { AppError } from '../../lib/errors';
import type { DatasetSummary, TokenBatch } from '../../protocol/batches';
import { CachedExamples, type KeptTokens } from '../caches/cached-examples';
import type { Example, ExampleEncoder } from '../examples/example-encoder';
import { assembleBatch, type Segment } from './assemble-batch';
import { ExampleCache } from './example-cache';
import { promptsOf } from './eval-prompts';
import { evaluationBatches } from './evaluation-batches';
import { itemsOfRow, lengthsOfRows, oneToARow, packFirstFit, type PackedRows } from './packing';
import type { PreparedDataset, RowPlan, TrainingRows } from './prepared-dataset';
import { type SampleSource, type SequenceItem, surveyDataset, type Survey } from './survey';

export interface SurveyParts {
  plan: RowPlan;
  source: SampleSource;
  encoder: ExampleEncoder;
  /** Bytes of tokenised samples to keep in memory. */
  cacheBytes?: number;
  /** Where they outlive the session; null: nowhere. */
  kept: KeptTokens | null;
  beat?: () => void;
}

/** Sequences that stand in one row together. */
interface RowSet {
  items: SequenceItem[];
  rows: PackedRows;
  lengths: number[];
}

const CACHE_BYTES = 64 << 20;

/** @throws AppError `dataset.all-masked` where nothing is left to learn. */
export async function surveyForTraining(parts: SurveyParts): Promise<SurveyedDataset> {
  const memory = new ExampleCache(parts.cacheBytes ?? CACHE_BYTES);
  const { plan, source, encoder, kept } = parts;
  const pause = async (): Promise<void> => {
    parts.beat?.();
    await nextEventTurn();
  };
  const { trainOn } = plan;
  const examples = new CachedExamples({ source, encoder, trainOn, memory, kept, pause });
  const survey = await surveyDataset(source, examples.inOrder(), plan);
  // What could not be kept is made again another time.
  await kept?.cache.waitForPendingWrites().catch((error: unknown) => console.warn('Token cache:', error));
  return new SurveyedDataset(parts, survey, examples);
}

export class SurveyedDataset implements PreparedDataset {
  readonly training: TrainingRows;
  readonly summary: DatasetSummary;
  readonly #plan: RowPlan;
  readonly #source: SampleSource;
  readonly #encoder: ExampleEncoder;
  readonly #examples: CachedExamples;
  readonly #evaluation: RowSet;
  readonly #evalBatches: number[][];

  constructor({ plan, source, encoder }: SurveyParts, survey: Survey, examples: CachedExamples) {
    this.#plan = plan;
    this.#source = source;
    this.#encoder = encoder;
    this.#examples = examples;
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

  evalPrompts(count: number): Promise<string[]> {
    return promptsOf(
      this.#evaluation.items.map(({ sample }) => sample),
      this.#source,
      this.#encoder,
      count,
    );
  }

  close(): void {
    this.#examples.forget();
  }

  async #assemble(set: RowSet, rows: ArrayLike<number>): Promise<TokenBatch> {
    const segments: Segment[][] = [];
    for (const row of Array.from(rows)) segments.push(await this.#segments(set, itemsOfRow(set.rows, row)));
    return assembleBatch(segments, this.#plan.sequenceLength);
  }

  async #segments(set: RowSet, numbers: Uint32Array): Promise<Segment[]> {
    const segments: Segment[] = [];
    for (const number of numbers) {
      const item = set.items[number];
      if (item === undefined) continue;
      segments.push({ example: await this.#example(item.sample), window: item.window });
    }
    return segments;
  }

  async #example(sample: number): Promise<Example> {
    const example = await this.#examples.read(sample);
    if (typeof example !== 'string') return example;
    throw new AppError('internal', `Sample ${sample} was counted and is now dropped: ${example}.`);
  }
}

/** One sequence to a row, or packed. */
function arrangeRows(items: SequenceItem[], { packing, sequenceLength, seed }: RowPlan): RowSet {
  const lengths = items.map(({ window }) => window.length);
  const rows = packing ? packFirstFit(lengths, sequenceLength, seed) : oneToARow(lengths.length);
  return { items, rows, lengths: [...lengthsOfRows(rows, lengths)] };
}

function sumTargets(items: SequenceItem[]): number {
  return items.reduce((sum, { window }) => sum + window.targets, 0);
}
