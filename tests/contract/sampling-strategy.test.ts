// What every sampling strategy promises: run on each one that the factory makes.
import { describe, expect, test } from 'vitest';
import { createSamplingFactories } from '../../src/data/runtime/sampling-factories';
import { Random } from '../../src/lib/random';

const { strategies, metrics } = createSamplingFactories();
// One that a plugin could bring: the rows as they lie.
strategies.register('in-order', () => (lengths, batchSize) => ({
  count: Math.ceil(lengths.length / batchSize),
  rows: (batch) =>
    Uint32Array.from(lengths.keys()).subarray(batch * batchSize, batch * batchSize + batchSize),
}));

const cases = [
  [1, 1],
  [7, 3],
  [64, 8],
  [500, 16],
] as const;

describe.each(strategies.list())('sampling strategy %s', (name) => {
  const strategy = strategies.create(name);

  function batches(rows: number, batchSize: number, seed: number): number[][] {
    const lengths = Uint32Array.from({ length: rows }, (_, i) => 1 + ((i * 71) % 400));
    const order = strategy(lengths, batchSize, new Random(seed));
    return Array.from({ length: order.count }, (_, batch) => [...order.rows(batch)]);
  }

  test.each(cases)('sampling strategy: %i rows in batches of %i, each at least once', (rows, size) => {
    const drawn = batches(rows, size, 1);
    expect(new Set(drawn.flat()).size).toBe(rows);
    for (const batch of drawn) {
      expect(batch.length).toBeGreaterThan(0);
      expect(batch.length).toBeLessThanOrEqual(size);
    }
  });

  test.each(cases)('sampling strategy: pure, and as many batches whatever is drawn', (rows, size) => {
    expect(batches(rows, size, 1)).toEqual(batches(rows, size, 1));
    expect(batches(rows, size, 2)).toHaveLength(batches(rows, size, 1).length);
  });
});

test('sampling factories: name what they do not have, and refuse what is none', () => {
  expect(() => strategies.create('length-sortd')).toThrow(/There is no sampling strategy "length-sortd"/);
  metrics.register('nothing', () => ({}) as never);
  expect(() => metrics.create('nothing')).toThrow(/did not make a sampling metric/);
});
