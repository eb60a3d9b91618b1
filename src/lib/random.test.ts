import { describe, expect, it } from 'vitest';
import { hashSeed, Random, uniformAt } from './random';

describe('hashSeed', () => {
  it('hashSeed: the same parts give the same seed, in 32 unsigned bits', () => {
    const seed = hashSeed(7, 'dropout', 3);
    expect(hashSeed(7, 'dropout', 3)).toBe(seed);
    expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32).toBe(true);
  });

  it('hashSeed: type, order and borders of the parts count', () => {
    const seeds = [hashSeed(1), hashSeed('1'), hashSeed('ab', 'c'), hashSeed('a', 'bc'), hashSeed('abc')];
    seeds.push(hashSeed(1, 2), hashSeed(2, 1), hashSeed(0.5), hashSeed());
    expect(new Set(seeds).size).toBe(seeds.length);
  });
});

describe('Random', () => {
  it('Random: uniform draws have mean 1/2 and variance 1/12', () => {
    const random = new Random(1);
    const draws = Array.from({ length: 20_000 }, () => random.next());
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
    // Standard error of the mean: sqrt(1/12/20000) = 0.002; five of them.
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(0.003);
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...draws)).toBeLessThan(1);
  });

  it('Random: normal draws have mean 0 and variance 1', () => {
    const random = new Random(2);
    const draws = Array.from({ length: 20_000 }, () => random.normal());
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    const variance = draws.reduce((sum, x) => sum + x * x, 0) / draws.length;
    expect(Math.abs(mean)).toBeLessThan(0.04);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });

  it('Random: neighbouring seeds are unrelated', () => {
    const first = new Random(1);
    const second = new Random(2);
    let product = 0;
    for (let i = 0; i < 10_000; i += 1) product += first.normal() * second.normal();
    // Sum of 10 000 independent products: standard deviation 100.
    expect(Math.abs(product)).toBeLessThan(500);
  });

  it('Random: shuffle is a permutation, repeatable, and leaves the input', () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    const shuffled = new Random(3).shuffle(items);
    expect(items).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(shuffled).not.toEqual(items);
    expect([...shuffled].sort((a, b) => a - b)).toEqual(items);
    expect(new Random(3).shuffle(items)).toEqual(shuffled);
  });

  it('Random: integer stays below n and refuses n < 1', () => {
    const random = new Random(4);
    const seen = new Set(Array.from({ length: 200 }, () => random.integer(5)));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(() => random.integer(0)).toThrow(RangeError);
  });
});

describe('uniformAt', () => {
  it('uniformAt: depends on seed and counter only', () => {
    expect(uniformAt(5, 9)).toBe(uniformAt(5, 9));
    expect(uniformAt(5, 9)).not.toBe(uniformAt(5, 10));
    expect(uniformAt(5, 9)).not.toBe(uniformAt(6, 9));
  });
});
