// Which rows make up batch number n. A pure function of (seed, epoch): a resumed run draws the batches it would have seen.
import { hashSeed, Random } from '../../lib/random';

/** Batches whose rows are sorted by length together, so that neighbours pad little and the order stays random. */
const BATCHES_PER_BUCKET = 32;

/**
 * One epoch's batches as numbers of rows: shuffled, sorted by length inside buckets, cut, shuffled again.
 * Always ceil(rows / batchSize) batches.
 */
export function epochBatches(
  rowLengths: readonly number[],
  batchSize: number,
  seed: number,
  epoch: number,
): number[][] {
  const random = new Random(hashSeed(seed, 'epoch', epoch));
  const order = random.shuffle([...rowLengths.keys()]);
  const bucket = batchSize * BATCHES_PER_BUCKET;
  const batches: number[][] = [];
  for (let start = 0; start < order.length; start += bucket) {
    batches.push(...cut(byLength(order.slice(start, start + bucket), rowLengths), batchSize));
  }
  return random.shuffle(batches);
}

/** The batches of an evaluation: always the same, short rows first. */
export function evaluationBatches(rowLengths: readonly number[], batchSize: number): number[][] {
  return cut(byLength([...rowLengths.keys()], rowLengths), batchSize);
}

function byLength(rows: number[], lengths: readonly number[]): number[] {
  return rows.sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
}

function cut(rows: number[], size: number): number[][] {
  const batches: number[][] = [];
  for (let start = 0; start < rows.length; start += size) batches.push(rows.slice(start, start + size));
  return batches;
}
