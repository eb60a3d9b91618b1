// A dataset too large to be read before training: rows are laid out by the bytes of their samples, and only what a batch is
// made of is tokenised. A text is cut into so many even windows as it is estimated to need, so that all of it is learnt
// whatever it turns out to have. Figures are estimates; what is dropped is counted as it is met. Pure all the same: rows and
// estimate depend on dataset, plan and tokenizer only, so that the same rows are the same batch.
import { nextEventTurn } from '../../lib/async/event-turn';
import type { DatasetSummary, TokenBatch } from '../../protocol/batches';
import type { DatasetRecord } from '../../protocol/datasets';
import { CachedExamples } from '../caches/cached-examples';
import type { ExampleEncoder } from '../examples/example-encoder';
import { assembleBatch, type Segment } from './assemble-batch';
import { promptsOf } from './eval-prompts';
import { evaluationBatches } from './evaluation-batches';
import { ExampleCache } from './example-cache';
import { type LengthEstimate, measureRows, windowsOf } from './length-estimate';
import { itemsOfRow, lengthsOfRows, packFirstFit, type PackedRows } from './packing';
import type { PreparedDataset, RowPlan, TrainingRows } from './prepared-dataset';
import { type SequenceLayout, layOutSequences, thinnedOut } from './sequence-layout';
import { evenWindow } from './even-window';
import { cutStart } from '../examples/windows';
import { splitSamples } from './split';
import { allMasked, type SizedSource } from './survey';
import type { SurveyParts } from './surveyed-dataset';

/** From here on a survey would keep people waiting: about a quarter of a minute of tokenising. */
const SURVEYED_BYTES = 16 << 20;
const SURVEYED_SAMPLES = 50_000;
const MEMORY_BYTES = 32 << 20;
/** Held-out sequences that an evaluation reads: more would tell little more and take as long as training. */
const EVALUATED = 512;
/** Rows after one that is dropped which may stand in for a batch of nothing. */
const STAND_INS = 256;

export interface EstimateParts extends Omit<SurveyParts, 'source'> {
  source: SizedSource;
}

interface Rows {
  sequences: SequenceLayout;
  /** null: one sequence to a row, which takes no arrays. */
  packed: PackedRows | null;
}

export function isTooLargeToSurvey({
  samples,
  sizeBytes,
}: Pick<DatasetRecord, 'samples' | 'sizeBytes'>): boolean {
  return samples > SURVEYED_SAMPLES || sizeBytes > SURVEYED_BYTES;
}

/** @throws AppError `dataset.all-masked` where none of the measured samples has anything to learn. */
export async function estimateForTraining(parts: EstimateParts): Promise<EstimatedDataset> {
  const { plan, source, encoder, kept } = parts;
  const memory = new ExampleCache(parts.cacheBytes ?? MEMORY_BYTES);
  const pause = async (): Promise<void> => {
    parts.beat?.();
    await nextEventTurn();
  };
  const examples = new CachedExamples({ source, encoder, trainOn: plan.trainOn, memory, kept, pause });
  const { estimate, dropped } = await measureRows(
    source,
    (sample) => examples.readOrDrop(sample),
    plan.sequenceLength,
  );
  if (estimate === null) throw allMasked(dropped, plan);
  return new EstimatedDataset(parts, estimate, examples);
}

export class EstimatedDataset implements PreparedDataset {
  readonly training: TrainingRows;
  readonly summary: DatasetSummary;
  readonly #plan: RowPlan;
  readonly #source: SizedSource;
  readonly #encoder: ExampleEncoder;
  readonly #estimate: LengthEstimate;
  readonly #examples: CachedExamples;
  readonly #evaluation: Rows;
  readonly #evalBatches: number[][];
  /** A bit for each sample that was found to have nothing to learn. */
  readonly #dropped: Uint8Array;

  constructor({ plan, source, encoder }: EstimateParts, estimate: LengthEstimate, examples: CachedExamples) {
    this.#plan = plan;
    this.#source = source;
    this.#encoder = encoder;
    this.#estimate = estimate;
    this.#examples = examples;
    this.#dropped = new Uint8Array(Math.ceil(source.count / 8));
    const heldOut = splitSamples(source, plan.evalShare, plan.seed);
    const train = arrange(
      layOutSequences(source, (i) => heldOut[i] === 0, estimate, plan),
      plan,
    );
    const held = layOutSequences(source, (i) => heldOut[i] === 1, estimate, plan);
    this.training = {
      lengths: rowLengths(train),
      assemble: (rows) => this.#assemble(train, rows),
    };
    this.#evaluation = arrange(thinnedOut(held, EVALUATED), plan);
    this.#evalBatches = evaluationBatches([...rowLengths(this.#evaluation)], plan.batchSize);
    this.summary = {
      trainSamples: distinct(train.sequences),
      evalSamples: distinct(held),
      trainTargetTokens: this.#targets(train.sequences),
      evalTargetTokens: this.#targets(this.#evaluation.sequences),
      evalBatches: this.#evalBatches.length,
      truncatedSamples: train.sequences.truncated + held.truncated,
      droppedSamples: {},
      estimated: true,
    };
  }

  evalBatch(index: number): Promise<TokenBatch> {
    return this.#assemble(this.#evaluation, this.#evalBatches[index] ?? []);
  }

  evalPrompts(count: number): Promise<string[]> {
    return promptsOf(this.#evaluation.sequences.samples, this.#source, this.#encoder, count);
  }

  close(): void {
    this.#examples.forget();
  }

  /** Rows of which nothing is left make the batch smaller; where none is left, the rows behind the last one stand in. */
  async #assemble(set: Rows, rows: ArrayLike<number>): Promise<TokenBatch> {
    const all = await Promise.all(Array.from(rows, (row) => this.#segments(set, row)));
    const filled = all.filter((segments) => segments.length > 0);
    const count = set.packed?.ends.length ?? set.sequences.lengths.length;
    const last = rows[rows.length - 1] ?? 0;
    for (let ahead = 1; filled.length === 0 && ahead <= STAND_INS; ahead++) {
      const segments = await this.#segments(set, (last + ahead) % count);
      if (segments.length > 0) filled.push(segments);
    }
    if (filled.length === 0) throw allMasked(this.summary.droppedSamples, this.#plan);
    return assembleBatch(filled, this.#plan.sequenceLength);
  }

  async #segments({ sequences, packed }: Rows, row: number): Promise<Segment[]> {
    const segments: Segment[] = [];
    let free = this.#plan.sequenceLength;
    for (const item of packed === null ? [row] : itemsOfRow(packed, row)) {
      const segment = await this.#segment(sequences.samples[item] ?? 0, sequences.windows[item] ?? 0, free);
      if (segment === null) continue;
      segments.push(segment);
      free -= segment.window.length;
    }
    return segments;
  }

  /** @param free positions left in the row: rows are packed by estimates, and may turn out too full. */
  async #segment(sample: number, number: number, free: number): Promise<Segment | null> {
    const example = await this.#examples.readOrDrop(sample);
    if (typeof example === 'string') return this.#drop(sample, example);
    const windows = windowsOf(this.#estimate, this.#source.bytesOf(sample), this.#plan.sequenceLength);
    const { keptPart = 'beginning' } = this.#source;
    const startOf = (surplus: number): number =>
      example.kind === 'text' ? 0 : cutStart(keptPart, surplus, sample);
    const window = evenWindow(example, number, windows, free, startOf);
    if (window.targets > 0) return { example, window };
    // Of a text that has fewer tokens than windows, and of a row that is full, only this piece is missing.
    return windows > 1 || free < this.#plan.sequenceLength
      ? null
      : this.#drop(sample, 'answer-beyond-length');
  }

  #drop(sample: number, reason: string): null {
    const bit = 1 << (sample & 7);
    const byte = this.#dropped[sample >> 3] ?? 0;
    if ((byte & bit) !== 0) return null;
    this.#dropped[sample >> 3] = byte | bit;
    const { droppedSamples } = this.summary;
    droppedSamples[reason] = (droppedSamples[reason] ?? 0) + 1;
    return null;
  }

  #targets({ lengths }: SequenceLayout): number {
    return Math.round(lengths.reduce((sum, length) => sum + length, 0) * this.#estimate.trainedShare);
  }
}

function arrange(sequences: SequenceLayout, { packing, sequenceLength, seed }: RowPlan): Rows {
  const { lengths } = sequences;
  const shares = packing && someFitTogether(lengths, sequenceLength);
  const packed = shares ? packFirstFit(lengths, sequenceLength, seed) : null;
  return { sequences, packed };
}

/** Windows of long texts are about as long as a row: to look for places for millions of them would find none. */
function someFitTogether(lengths: Uint32Array, rowLength: number): boolean {
  let [shortest, next] = [Infinity, Infinity];
  for (const length of lengths) {
    if (length < shortest) [shortest, next] = [length, shortest];
    else if (length < next) next = length;
  }
  return shortest + next <= rowLength;
}

function rowLengths({ sequences, packed }: Rows): Uint32Array {
  return packed === null ? sequences.lengths : lengthsOfRows(packed, sequences.lengths);
}

/** Samples among them: windows of one stand behind each other. */
function distinct({ samples }: SequenceLayout): number {
  let count = 0;
  for (let i = 0; i < samples.length; i++) if (i === 0 || samples[i - 1] !== samples[i]) count++;
  return count;
}
