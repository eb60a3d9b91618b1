// How many tokens rows have, told by their bytes: measured on a few rows that lie evenly over the dataset, and a straight
// line through them. Pure: the same dataset, plan and tokenizer, the same estimate.
import type { Example, ExampleEncoder } from '../examples/example-encoder';
import { cutExample } from '../examples/windows';
import type { EncodedSample } from '../caches/cached-examples';
import type { SizedSource } from './survey';

export interface LengthEstimate {
  /** Input positions where the line meets no bytes; may be below 0. */
  base: number;
  perByte: number;
  /** How much longer than the line the longer tenth of the rows is: 1 or more. */
  margin: number;
  /** Of the positions, those with a label; 0 to 1. */
  trainedShare: number;
  /** Texts: learnt whole, in several windows where they are long. */
  windowed: boolean;
}

export interface MeasuredRows {
  estimate: LengthEstimate | null;
  /** Of the measured rows, by reason. */
  dropped: Record<string, number>;
}

interface Point {
  bytes: number;
  positions: number;
  targets: number;
}

const MEASURED = 128;
/** Bytes after which no further row is measured. */
const MEASURED_BYTES = 512 << 10;

/** @returns no estimate where no measured row has anything to learn. */
export async function measureRows(
  source: SizedSource,
  read: (sample: number) => Promise<EncodedSample['example']>,
  sequenceLength: number,
): Promise<MeasuredRows> {
  const points: Point[] = [];
  const dropped: Record<string, number> = {};
  let windowed = true;
  const samples = [...measuredSamples(source)];
  const examples = await Promise.all(samples.map(read));
  for (const [i, sample] of samples.entries()) {
    const example = examples[i] ?? 'unreadable';
    const cut = typeof example === 'string' ? example : cutExample(example, sequenceLength);
    if (typeof cut === 'string') dropped[cut] = (dropped[cut] ?? 0) + 1;
    if (typeof cut === 'string' || typeof example === 'string') continue;
    windowed &&= example.kind === 'text';
    points.push(pointOf(source.bytesOf(sample), example));
  }
  return { estimate: points.length === 0 ? null : { ...lineThrough(points), windowed }, dropped };
}

/** About how many tokens each row that takes part has, whole. */
export async function estimatedLengths(source: SizedSource, encoder: ExampleEncoder): Promise<Uint32Array> {
  const encode = async (sample: number) => encoder.encode(await source.read(sample), 'all');
  const { estimate } = await measureRows(source, encode, Infinity);
  if (estimate === null) return new Uint32Array(0);
  const lengths = new Uint32Array(source.count);
  let rows = 0;
  for (let sample = 0; sample < source.count; sample++)
    if (!source.leftOut.has(sample)) lengths[rows++] = positionsOf(estimate, source.bytesOf(sample)) + 1;
  return lengths.subarray(0, rows);
}

/** Input positions, at least 1. */
export function positionsOf({ base, perByte }: LengthEstimate, bytes: number): number {
  return Math.max(1, Math.round(base + perByte * bytes));
}

/** Sequences of a row: so many that hardly a row has a longer one than fits. */
export function windowsOf(estimate: LengthEstimate, bytes: number, sequenceLength: number): number {
  if (!estimate.windowed) return 1;
  return Math.max(1, Math.ceil((positionsOf(estimate, bytes) * estimate.margin) / sequenceLength));
}

function* measuredSamples(source: SizedSource): Generator<number> {
  const { count, leftOut } = source;
  const step = Math.max(1, count / MEASURED);
  let bytes = 0;
  for (let at = step / 2; at < count && bytes < MEASURED_BYTES; at += step) {
    const sample = Math.floor(at);
    if (leftOut.has(sample)) continue;
    bytes += source.bytesOf(sample);
    yield sample;
  }
}

function pointOf(bytes: number, { ids, trained }: Example): Point {
  const targets = trained.reduce((sum, flag) => sum + flag, 0);
  return { bytes, positions: ids.length - 1, targets };
}

/** Least squares; one slope through the origin where all rows are of one length. */
function lineThrough(points: readonly Point[]): Omit<LengthEstimate, 'windowed'> {
  const mean = (of: (point: Point) => number) => points.reduce((sum, p) => sum + of(p), 0) / points.length;
  const [bytes, positions] = [mean((p) => p.bytes), mean((p) => p.positions)];
  const variance = mean((p) => (p.bytes - bytes) ** 2);
  const together = mean((p) => (p.bytes - bytes) * (p.positions - positions));
  const slope = variance > 0 ? together / variance : 0;
  const perByte = slope > 0 ? slope : positions / bytes;
  const base = positions - perByte * bytes;
  const longer = points.map((p) => p.positions / Math.max(1, base + perByte * p.bytes)).sort((a, b) => a - b);
  return {
    base,
    perByte,
    margin: Math.max(1, longer[Math.floor(longer.length * 0.9)] ?? 1),
    trainedShare: Math.min(1, mean((p) => p.targets) / Math.max(1, positions)),
  };
}
