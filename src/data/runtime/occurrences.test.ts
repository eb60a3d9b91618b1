import { describe, expect, it } from 'vitest';
import { Random } from '../../lib/random';
import { bucketBound } from './length-buckets';
import { lengthSorted } from './length-sorted';
import { occurrencesOf, type OccurrenceRules } from './occurrences';

const RULES: OccurrenceRules = {
  datasetId: 'd',
  repeats: null,
  bucketOf: undefined,
  effectiveBatch: 4,
  oversubscribe: false,
};
const lengths = (count: number, length = 10): number[] => new Array<number>(count).fill(length);
const rowsOf = (all: Uint32Array, rules: Partial<OccurrenceRules>): number[] => {
  const made = occurrencesOf(all, { ...RULES, ...rules });
  return Array.from(made.lengths, (_, occurrence) => made.row(occurrence));
};

describe('1.H.8 repeats', () => {
  it('1.H.8 are extra passes: 0 is once, n is n + 1 times', () => {
    const all = Uint32Array.from(lengths(5));
    expect(rowsOf(all, { repeats: 0 })).toHaveLength(5);
    const thrice = rowsOf(all, { repeats: 2 });
    expect([0, 1, 2, 3, 4].map((row) => thrice.filter((other) => other === row).length)).toEqual([
      3, 3, 3, 3, 3,
    ]);
  });

  it.each([
    [5, 0, 4, 2],
    [5, 2, 4, 4],
    [9, 3, 8, 5],
  ])('1.H.8 %i rows with %i repeats in batches of %i are %i batches', (rows, repeats, size, batches) => {
    const all = occurrencesOf(Uint32Array.from(lengths(rows)), { ...RULES, repeats }).lengths;
    expect(lengthSorted(all, size, new Random(1)).count).toBe(batches);
  });
});

describe('1.H.10 undersized buckets', () => {
  const two = Uint32Array.from([...lengths(8), ...lengths(3, 100), ...lengths(2, 200)]);
  const buckets = { bucketOf: bucketBound, effectiveBatch: 8 };

  it('1.H.10 are refused with the least repeats of each and what to do', () => {
    const make = () => occurrencesOf(two, { ...RULES, ...buckets });
    expect(make).toThrow(/up to 128 tokens: 3, repeats 2; up to 256 tokens: 2, repeats 3/);
    expect(make).toThrow(
      expect.objectContaining({
        code: 'config.invalid',
        remedy: expect.stringContaining('Set repeats to 3') as unknown,
      }),
    );
    expect(() => occurrencesOf(two, { ...RULES, ...buckets, repeats: 3 })).not.toThrow();
  });

  it('1.H.10 the batch that counts is batch size times accumulation', () => {
    expect(() => occurrencesOf(two, { ...RULES, ...buckets, effectiveBatch: 2 })).not.toThrow();
    expect(() => occurrencesOf(two, { ...RULES, ...buckets, effectiveBatch: 4 })).toThrow(/takes 4 rows/);
  });

  it('1.H.10 with oversubscription only they are repeated', () => {
    const rows = rowsOf(two, { ...buckets, oversubscribe: true });
    const times = (row: number): number => rows.filter((other) => other === row).length;
    expect([0, 7, 8, 10, 11, 12].map(times)).toEqual([1, 1, 3, 3, 4, 4]);
  });

  it('1.H.10 never where repeats were set by hand', () => {
    const byHand = { ...RULES, ...buckets, oversubscribe: true, repeats: 1 };
    expect(() => occurrencesOf(two, byHand)).toThrow(/repeats 3/);
    expect(() => occurrencesOf(two, byHand)).toThrow(
      expect.objectContaining({ remedy: expect.not.stringContaining('oversubscribe') as unknown }),
    );
  });
});
