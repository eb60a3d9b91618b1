import { describe, expect, it } from 'vitest';
import { bucketOf, checkLimits, fitLength, parseBounds, type LengthLimits } from './length-buckets';
import { chooseSamples } from './max-samples';

const limits = (changes: Partial<LengthLimits>): LengthLimits => ({
  minimum: null,
  maximum: null,
  truncation: null,
  ...changes,
});
const fit = (length: number, changes: Partial<LengthLimits>) => fitLength(length, limits(changes), 7, 'x');

describe('length buckets', () => {
  it('a length falls into the first bucket that holds it', () => {
    expect([0, 1, 64, 65, 512].map((length) => bucketOf(length))).toEqual([64, 64, 64, 128, 512]);
  });

  it('beyond the last bound they double', () => {
    expect([513, 1024, 1025, 5000].map((length) => bucketOf(length))).toEqual([1024, 1024, 2048, 8192]);
  });

  it('bounds may be configured', () => {
    const bounds = parseBounds([10, 30]);
    expect([10, 11, 31].map((length) => bucketOf(length, bounds))).toEqual([10, 30, 60]);
  });

  it.each([
    [[], 'There are no bounds of length buckets.'],
    [[64, 64], 'Bound 2 is 64 of length buckets.'],
    [[0, 64], 'Bound 1 is 0 of length buckets.'],
    [[64, 65.5], 'Bound 2 is 65.5 of length buckets.'],
  ])('refuses the bounds %j', (bounds, message) => {
    expect(() => parseBounds(bounds)).toThrow(
      expect.objectContaining({ code: 'config.invalid', message }) as Error,
    );
  });

  it('without limits everything is kept whole', () => {
    expect(fit(0, {})).toEqual({ start: 0, end: 0 });
    expect(fit(9999, {})).toEqual({ start: 0, end: 9999 });
  });

  it('shorter than the minimum is too small, at it is not', () => {
    expect(fit(9, { minimum: 10, truncation: 'end' })).toEqual({ reason: 'too_small' });
    expect(fit(10, { minimum: 10 })).toEqual({ start: 0, end: 10 });
  });

  it('longer than the maximum is too long unless it is truncated', () => {
    expect(fit(11, { maximum: 10 })).toEqual({ reason: 'too_long' });
    expect(fit(10, { maximum: 10 })).toEqual({ start: 0, end: 10 });
    expect(fit(11, { maximum: 10, truncation: 'beginning' })).toEqual({ start: 0, end: 10 });
    expect(fit(11, { maximum: 10, truncation: 'end' })).toEqual({ start: 1, end: 11 });
  });

  it('a random part is the same for the same seed and sample, and lies anywhere', () => {
    const range = limits({ maximum: 10, truncation: 'random' });
    const starts = Array.from({ length: 100 }, (_, i) => fitLength(12, range, 7, `sample ${i}`));
    expect(Array.from({ length: 100 }, (_, i) => fitLength(12, range, 7, `sample ${i}`))).toEqual(starts);
    const seen = new Set(starts.map((outcome) => ('start' in outcome ? outcome.start : -1)));
    expect([...seen].sort()).toEqual([0, 1, 2]);
    for (const outcome of starts) expect('start' in outcome && outcome.end - outcome.start).toBe(10);
  });

  it('refuses limits that nothing satisfies', () => {
    expect(() => checkLimits(limits({ minimum: 11, maximum: 10 }))).toThrow(
      'minimum length 11 is above the maximum 10',
    );
    expect(() => checkLimits(limits({ maximum: 0 }))).toThrow('A length limit is 0.');
    expect(() => checkLimits(limits({ minimum: 10, maximum: 10 }))).not.toThrow();
  });
});

describe('max samples', () => {
  it('max samples: so many, each once, ascending, and the same ones each time', () => {
    const taken = chooseSamples(50, 10, 'forge') ?? [];
    expect(taken).toHaveLength(10);
    expect(taken).toEqual([...new Set(taken)].sort((a, b) => a - b));
    expect(chooseSamples(50, 10, 'forge')).toEqual(taken);
  });

  it('max samples: others for another dataset, and more of the same for a higher limit', () => {
    const taken = chooseSamples(50, 10, 'forge') ?? [];
    expect(chooseSamples(50, 10, 'mill')).not.toEqual(taken);
    expect(chooseSamples(50, 20, 'forge')).toEqual(expect.arrayContaining(taken));
  });

  it('max samples: without a limit, or with a high one, all stay', () => {
    expect(chooseSamples(50, null, 'forge')).toBeNull();
    expect(chooseSamples(50, 50, 'forge')).toBeNull();
  });
});
