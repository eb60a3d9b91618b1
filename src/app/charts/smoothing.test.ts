import { describe, expect, it } from 'vitest';
import { smooth } from './smoothing';

describe('smooth', () => {
  it('smooth: starts at the first value instead of being pulled to zero', () => {
    expect(smooth([4, 4, 4], 0.9)).toEqual([4, expect.closeTo(4, 12), expect.closeTo(4, 12)]);
  });

  it('smooth: weighs the newer value more', () => {
    // weight 0.5: (0.25 * 2 + 0.5 * 5) / 0.75 = 4
    expect(smooth([2, 5], 0.5)[1]).toBeCloseTo(4, 12);
  });

  it('smooth: keeps skipped steps as gaps and goes on from the average before them', () => {
    expect(smooth([3, null, 3], 0.5)).toEqual([3, null, 3]);
  });

  it('smooth: weight 0 changes nothing', () => {
    expect(smooth([1, 9, 2], 0)).toEqual([1, 9, 2]);
  });
});
