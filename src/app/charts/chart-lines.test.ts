import { describe, expect, it } from 'vitest';
import { alignLines, lastPoint, nearestFilled, type ChartLine } from './chart-lines';

function line(xs: number[], ys: (number | null)[]): ChartLine {
  return { id: 'a', label: 'a', color: 'ember', style: 'solid', xs, ys };
}

describe('chart lines', () => {
  it('alignLines: puts lines with different steps on one ascending axis', () => {
    expect(alignLines([line([1, 2, 3], [9, 8, 7]), line([0, 2], [5, 4])])).toEqual([
      [0, 1, 2, 3],
      [null, 9, 8, 7],
      [5, null, 4, null],
    ]);
  });

  it('alignLines: sorts by value, not by text', () => {
    expect(alignLines([line([10], [1]), line([9], [2])])[0]).toEqual([9, 10]);
  });

  it('alignLines: no line gives an empty axis', () => {
    expect(alignLines([])).toEqual([[]]);
  });

  it('nearestFilled: looks back first, then ahead', () => {
    expect(nearestFilled([1, null, null], 2)).toBe(0);
    expect(nearestFilled([null, null, 3], 0)).toBe(2);
    expect(nearestFilled([null], 0)).toBeNull();
  });

  it('lastPoint: skips trailing gaps', () => {
    expect(lastPoint(line([1, 2], [4, null]))).toEqual({ x: 1, y: 4 });
    expect(lastPoint(line([], []))).toBeNull();
  });
});
