import { describe, expect, it } from 'vitest';
import { bucketOf } from './length-buckets';
import { chooseSamples } from './max-samples';

describe('length buckets', () => {
  it('a length falls into the first bucket that holds it', () => {
    expect([0, 1, 64, 65, 512].map((length) => bucketOf(length))).toEqual([64, 64, 64, 128, 512]);
  });

  it('beyond the last bound they double', () => {
    expect([513, 1024, 1025, 5000].map((length) => bucketOf(length))).toEqual([1024, 1024, 2048, 8192]);
  });

  it('bounds may be configured', () => {
    const bounds = [10, 30];
    expect([10, 11, 31].map((length) => bucketOf(length, bounds))).toEqual([10, 30, 60]);
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
