import { describe, expect, it } from 'vitest';
import { Random } from '../../lib/random';
import { bucketBound, lengthBuckets } from './length-buckets';

const LENGTHS = Uint32Array.from({ length: 61 }, (_, i) => [10, 64, 65, 300][i % 4] ?? 0);

function batchesOf(lengths: Uint32Array, batchSize: number, seed = 1) {
  const order = lengthBuckets(lengths, batchSize, new Random(seed));
  const batches = Array.from({ length: order.count }, (_, batch) => [...order.rows(batch)]);
  const buckets = batches.map((rows) => new Set(rows.map((row) => bucketBound(lengths[row] ?? 0))));
  return { batches, bounds: buckets.map((bucket) => [...bucket]), toppedUp: order.toppedUp };
}

describe('1.H.9 length buckets', () => {
  it('1.H.9 bounds are 64, 128, 256 and so on, themselves included', () => {
    expect([1, 64, 65, 128, 129, 256, 257, 512, 513].map(bucketBound)).toEqual([
      64, 64, 128, 128, 256, 256, 512, 512, 1024,
    ]);
  });

  it('1.H.9 a batch is of one bucket, at random among what was not taken yet', () => {
    const { batches, bounds } = batchesOf(LENGTHS, 4);
    expect(bounds.every((bucket) => bucket.length === 1)).toBe(true);
    expect(new Set(batches.flat()).size).toBe(61);
    expect(batchesOf(LENGTHS, 4, 2).batches).not.toEqual(batches);
    expect(batchesOf(LENGTHS, 4).batches).toEqual(batches);
  });

  it('1.H.9 seen counts occurrences: a row that stands there twice is drawn twice', () => {
    const { batches } = batchesOf(Uint32Array.of(5, 5, 5, 5), 2);
    expect(batches.flat().sort()).toEqual([0, 1, 2, 3]);
  });

  it('1.H.9 too few unseen are topped up with rows of the same bucket that were taken before', () => {
    const { batches, toppedUp } = batchesOf(Uint32Array.of(9, 9, 9, 9, 9, 200, 200, 200, 200), 4);
    expect(batches).toHaveLength(3);
    expect(batches.every((rows) => rows.length === 4 && new Set(rows).size === 4)).toBe(true);
    expect(toppedUp).toBe(1);
    const small = batches.filter((rows) => rows.every((row) => row < 5)).flat();
    expect(new Set(small).size).toBe(5);
  });

  it('1.H.9 the bucket changes after every batch while another one has rows', () => {
    const { bounds } = batchesOf(LENGTHS, 4);
    const flat = bounds.flat();
    const last = flat.length - 1;
    const lastChange = flat.findLastIndex((bound, i) => i > 0 && bound !== flat[i - 1]);
    for (let i = 1; i < lastChange; i += 1) expect(flat[i], `batch ${i}`).not.toBe(flat[i - 1]);
    expect(last - lastChange).toBeLessThan(4);
  });

  it('1.H.9 an empty bucket is exhausted; when all are, the pass is over', () => {
    const { batches } = batchesOf(LENGTHS, 4);
    const sizes = [64, 128, 512].map((bound) => [...LENGTHS].filter((n) => bucketBound(n) === bound).length);
    expect(batches).toHaveLength(sizes.reduce((sum, size) => sum + Math.ceil(size / 4), 0));
  });

  it('1.H.9 a pass that had to top up says how often', () => {
    expect(batchesOf(LENGTHS, 4).toppedUp).toBeGreaterThan(0);
    expect(batchesOf(Uint32Array.of(5, 5, 100, 100), 2).toppedUp).toBe(0);
  });

  it('holds for many rows', () => {
    const lengths = Uint32Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 900);
    const order = lengthBuckets(lengths, 8, new Random(3));
    const seen = new Uint8Array(lengths.length);
    for (let batch = 0; batch < order.count; batch += 1) for (const row of order.rows(batch)) seen[row] = 1;
    expect(seen.includes(0)).toBe(false);
  });
});
