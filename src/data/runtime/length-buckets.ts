// Batches out of buckets of rows of like length (up to 64, 128, 256 tokens and so on): inside a bucket at random among
// what was not taken yet, another bucket after every batch. A bucket with fewer rows left than a batch has is topped up from
// its own rows that were taken before; an empty one is exhausted; when all are, the pass is over.
import type { Random } from '../../lib/random';
import { shuffled } from './length-sorted';
import type { BatchOrder, SamplingStrategy } from '../../core/sampling';

const FIRST_BOUND = 64;

/** Tokens that rows of a bucket have at most: 64, 128, 256, ... */
export function bucketBound(length: number): number {
  let bound = FIRST_BOUND;
  while (bound < length) bound *= 2;
  return bound;
}

/** Rows of a bucket in the order in which they are taken: those before `taken` have been. */
interface Bucket {
  rows: Uint32Array;
  taken: number;
}

interface FlatBatches {
  rows: Uint32Array;
  /** Where each batch ends. */
  ends: Uint32Array;
  toppedUp: number;
}

export const lengthBuckets: SamplingStrategy = Object.assign(orderByBuckets, { bucketOf: bucketBound });

function orderByBuckets(lengths: Uint32Array, batchSize: number, random: Random): BatchOrder {
  const { rows, ends, toppedUp } = drawAll(fillBuckets(lengths, random), batchSize, random);
  return {
    count: ends.length,
    rows: (batch) => rows.subarray(batch === 0 ? 0 : ends[batch - 1], ends[batch]),
    toppedUp,
  };
}

/** Shuffled once: the next rows of a bucket are then a random choice among its unseen ones. */
function fillBuckets(lengths: Uint32Array, random: Random): Bucket[] {
  const sizes = new Map<number, number>();
  for (const length of lengths) {
    const bound = bucketBound(length);
    sizes.set(bound, (sizes.get(bound) ?? 0) + 1);
  }
  const bounds = [...sizes.keys()].sort((a, b) => a - b);
  const buckets = new Map(
    bounds.map((bound) => [bound, { rows: new Uint32Array(sizes.get(bound) ?? 0), taken: 0 }]),
  );
  for (const row of shuffled(lengths.length, random)) {
    const bucket = buckets.get(bucketBound(lengths[row] ?? 0));
    if (bucket !== undefined) bucket.rows[bucket.taken++] = row;
  }
  for (const bucket of buckets.values()) bucket.taken = 0;
  return [...buckets.values()];
}

function drawAll(buckets: Bucket[], batchSize: number, random: Random): FlatBatches {
  const count = buckets.reduce((sum, { rows }) => sum + Math.ceil(rows.length / batchSize), 0);
  const rows = new Uint32Array(count * batchSize);
  const ends = new Uint32Array(count);
  let end = 0;
  let toppedUp = 0;
  let current: Bucket | null = null;
  for (let batch = 0; batch < count; batch += 1) {
    current = nextBucket(buckets, current, random);
    const missing = batchSize - (current.rows.length - current.taken);
    if (missing > 0) toppedUp += 1;
    const drawn = drawBatch(current, batchSize, random);
    rows.set(drawn, end);
    end += drawn.length;
    ends[batch] = end;
  }
  return { rows, ends, toppedUp };
}

/** Another one than before where there is another with rows left, the likelier the more it has left. */
function nextBucket(buckets: readonly Bucket[], before: Bucket | null, random: Random): Bucket {
  const filled = buckets.filter(({ rows, taken }) => taken < rows.length);
  const others = filled.filter((bucket) => bucket !== before);
  const choice = others.length > 0 ? others : filled;
  const left = choice.reduce((sum, { rows, taken }) => sum + rows.length - taken, 0);
  let draw = random.integer(left);
  for (const bucket of choice) {
    draw -= bucket.rows.length - bucket.taken;
    if (draw < 0) return bucket;
  }
  throw new RangeError('no bucket has a row left');
}

function drawBatch(bucket: Bucket, batchSize: number, random: Random): Uint32Array {
  const { rows, taken } = bucket;
  const unseen = rows.slice(taken, taken + batchSize);
  bucket.taken += unseen.length;
  if (unseen.length === batchSize) return unseen;
  const seen = rows.slice(0, taken);
  const more = Math.min(batchSize - unseen.length, seen.length);
  const batch = new Uint32Array(unseen.length + more);
  batch.set(unseen);
  shuffled(seen.length, random)
    .subarray(0, more)
    .forEach((choice, i) => (batch[unseen.length + i] = seen[choice] ?? 0));
  return batch;
}
