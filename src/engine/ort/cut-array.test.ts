import { describe, expect, it } from 'vitest';
import { copyCut, cutOf } from './cut-array';

describe('cut array', () => {
  it('cut array: the first steps of an axis, for all before and after it', () => {
    // [2, 3, 2], of the three the first two.
    const source = Float32Array.from({ length: 12 }, (_, index) => index);
    const target = new Float32Array(8);
    copyCut(source, target, cutOf([2, 3, 2], 1, 2));
    expect([...target]).toEqual([0, 1, 2, 3, 6, 7, 8, 9]);
  });
});
