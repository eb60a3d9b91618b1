import { describe, expect, it } from 'vitest';
import { binPosition, countTicks, histogramBars, quantileBound } from './histogram-layout';

describe('histogram layout', () => {
  it('histogramBars: marks only the bins that lie wholly above the limit', () => {
    const bars = histogramBars([32, 64, 96], [5, 3, 1], 64);
    expect(bars.map((bar) => bar.cut)).toEqual([false, false, true]);
    expect(bars[1]).toMatchObject({ from: 33, to: 64, count: 3 });
  });

  it('binPosition: interpolates inside a bin and stops at the end', () => {
    expect(binPosition([32, 64], 48)).toBeCloseTo(1.5);
    expect(binPosition([32, 64], 900)).toBe(2);
  });

  it('quantileBound: the bin where half of the samples are reached', () => {
    expect(quantileBound([10, 20, 30], [1, 1, 8], 0.5)).toBe(30);
    expect(quantileBound([10, 20], [0, 0], 0.5)).toBe(0);
  });

  it('countTicks: whole, round and covering the largest bar', () => {
    expect(countTicks(7)).toEqual([0, 5, 10]);
    expect(countTicks(2)).toEqual([0, 1, 2]);
    expect(countTicks(815)).toEqual([0, 500, 1000]);
  });
});
