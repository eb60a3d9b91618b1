import { describe, expect, it } from 'vitest';
import { hashSeed, Random } from '../../lib/random';
import { lengthSorted } from './length-sorted';
import type { BatchOrder } from '../../core/sampling';

const lengths = Uint32Array.from({ length: 103 }, (_, i) => (i * 37) % 100);
const batchesOf = (order: BatchOrder): number[][] =>
  Array.from({ length: order.count }, (_, batch) => [...order.rows(batch)]);
const epoch = (number: number, size = 4, rows = lengths) =>
  batchesOf(lengthSorted(rows, size, new Random(hashSeed(1, 'epoch', number))));

describe('length-sorted', () => {
  it('takes every row once in an epoch and another order in the next', () => {
    const first = epoch(0);
    expect(first).toHaveLength(26);
    expect(first.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()]);
    expect(epoch(0)).toEqual(first);
    expect(epoch(1)).not.toEqual(first);
  });

  it('draws the batches that runs of before drew: they resume where they were', () => {
    expect(epoch(0, 4, Uint32Array.of(5, 3, 8, 1, 9, 2, 7, 4, 6))).toEqual([[3, 5, 1, 7], [0, 8, 6, 2], [4]]);
  });

  it('pads less than unsorted batches would', () => {
    const padding = (batches: number[][]): number =>
      batches.reduce((sum, rows) => {
        const sizes = rows.map((row) => lengths[row] ?? 0);
        return sum + sizes.reduce((part, size) => part + Math.max(...sizes) - size, 0);
      }, 0);
    const unsorted = Array.from({ length: 26 }, (_, i) => [...lengths.keys()].slice(i * 4, i * 4 + 4));
    expect(padding(epoch(0))).toBeLessThan(padding(unsorted) / 4);
  });
});
