import { describe, expect, test } from 'vitest';
import { addRange, bytesIn, firstMissing, missingPieces } from './byte-ranges';

const range = (start: number, end: number) => ({ start, end });

describe('byte ranges', () => {
  test('byte ranges: neighbours and overlaps become one, others stay apart', () => {
    const apart = addRange(addRange([], range(10, 20)), range(0, 5));
    expect(apart).toEqual([range(0, 5), range(10, 20)]);
    expect(addRange(apart, range(5, 10))).toEqual([range(0, 20)]);
    expect(addRange(apart, range(4, 12))).toEqual([range(0, 20)]);
    expect(addRange(apart, range(6, 9))).toEqual([range(0, 5), range(6, 9), range(10, 20)]);
  });

  test('byte ranges: an empty one adds nothing', () => {
    expect(addRange([range(0, 5)], range(7, 7))).toEqual([range(0, 5)]);
  });

  test('byte ranges: counts bytes', () => {
    expect(bytesIn([range(0, 5), range(10, 20)])).toBe(15);
  });

  test('byte ranges: what is missing comes in pieces, in order, none longer than asked', () => {
    expect(missingPieces([range(4, 10)], 25, 8)).toEqual([range(0, 4), range(10, 18), range(18, 25)]);
    expect(missingPieces([], 0, 8)).toEqual([]);
    expect(missingPieces([range(0, 25)], 25, 8)).toEqual([]);
  });

  test('byte ranges: bytes beyond the end of the file are not waited for', () => {
    expect(missingPieces([range(0, 30)], 25, 8)).toEqual([]);
  });

  test('byte ranges: the first piece, of any size or an unknown one', () => {
    expect(firstMissing([range(0, 10), range(14, 20)], null, 8)).toEqual(range(10, 14));
    expect(firstMissing([], null, 8)).toEqual(range(0, 8));
    expect(firstMissing([range(5, 20)], 2 ** 50, 8)).toEqual(range(0, 5));
    expect(firstMissing([range(0, 20)], 20, 8)).toBeNull();
  });
});
