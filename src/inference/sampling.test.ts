import { describe, expect, it } from 'vitest';
import { uniformAt } from '../lib/random';
import {
  applyRepetitionPenalty,
  argmax,
  candidatesOf,
  chooseToken,
  draw,
  type SamplingParameters,
} from './sampling';

const off: SamplingParameters = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };
/** Logits whose softmax is the given distribution. */
const logitsOf = (...probabilities: number[]): Float32Array<ArrayBuffer> =>
  Float32Array.from(probabilities, Math.log);
const rounded = (values: number[]): number[] => values.map((value) => Number(value.toFixed(5)));

describe('sampling', () => {
  it('greedy: takes the highest logit, the lowest id of equals, and never NaN', () => {
    expect(argmax(Float32Array.of(1, 3, 3, 2))).toBe(1);
    expect(argmax(Float32Array.of(NaN, -5, -7))).toBe(1);
    expect(chooseToken(Float32Array.of(0, 9, 1), [], { ...off, temperature: 0 }, 0.99)).toBe(1);
  });

  it('temperature: 1 leaves the distribution, 1/2 squares it', () => {
    const logits = logitsOf(0.2, 0.5, 0.3);
    expect(candidatesOf(logits, off).ids).toEqual([1, 2, 0]);
    expect(rounded(candidatesOf(logits, off).probabilities)).toEqual([0.5, 0.3, 0.2]);
    // Squares 0.25, 0.09, 0.04 over their sum 0.38.
    const sharp = candidatesOf(logits, { ...off, temperature: 0.5 });
    expect(rounded(sharp.probabilities)).toEqual(rounded([0.25 / 0.38, 0.09 / 0.38, 0.04 / 0.38]));
  });

  it('top-k: keeps the k most probable and renormalises', () => {
    const kept = candidatesOf(logitsOf(0.1, 0.4, 0.2, 0.3), { ...off, topK: 2 });
    expect(kept.ids).toEqual([1, 3]);
    expect(rounded(kept.probabilities)).toEqual(rounded([4 / 7, 3 / 7]));
  });

  it('top-p: keeps the shortest prefix that reaches p', () => {
    const logits = logitsOf(0.1, 0.4, 0.2, 0.3);
    // 0.4 + 0.3 = 0.7 < 0.75 <= 0.9.
    expect(candidatesOf(logits, { ...off, topP: 0.75 }).ids).toEqual([1, 3, 2]);
    expect(candidatesOf(logits, { ...off, topP: 0.1 }).ids).toEqual([1]);
  });

  it('top-p after top-k: counts within the k that are left', () => {
    // Top 2 renormalised: 4/7 = 0.571, 3/7. With p = 0.55 the first suffices; over the whole it would take two.
    const logits = logitsOf(0.1, 0.4, 0.2, 0.3);
    expect(candidatesOf(logits, { ...off, topK: 2, topP: 0.55 }).ids).toEqual([1]);
    expect(candidatesOf(logits, { ...off, topP: 0.55 }).ids).toEqual([1, 3]);
  });

  it('min-p: drops what is below that share of the most probable', () => {
    // Bound 0.6 * 0.4 = 0.24.
    expect(candidatesOf(logitsOf(0.1, 0.4, 0.2, 0.3), { ...off, minP: 0.6 }).ids).toEqual([1, 3]);
  });

  it('a large vocabulary: the selection grows until it holds the nucleus', () => {
    // 1000 equal tokens: p = 0.3 needs 300 of them, more than the first selection.
    const even = new Float32Array(1000);
    expect(candidatesOf(even, { ...off, topP: 0.3 }).ids.length).toBeGreaterThanOrEqual(300);
    expect(candidatesOf(even, { ...off, topP: 0.3 }).ids.length).toBeLessThanOrEqual(301);
    expect(candidatesOf(even, { ...off, minP: 0.5 }).ids).toHaveLength(1000);
  });

  it('repetition penalty: divides positive and multiplies negative logits, each token once', () => {
    const logits = Float32Array.of(2, -2, 1);
    expect([...applyRepetitionPenalty(logits, [0, 0, 1], 2)]).toEqual([1, -4, 1]);
    expect([...logits]).toEqual([2, -2, 1]);
  });

  it('draw: each candidate gets its part of [0, 1)', () => {
    const candidates = { ids: [7, 3, 5], probabilities: [0.5, 0.3, 0.2] };
    expect([0, 0.49, 0.5, 0.79, 0.8, 0.999999].map((u) => draw(candidates, u))).toEqual([7, 7, 3, 3, 5, 5]);
  });

  it('seeded draws: follow the distribution and repeat for a seed', () => {
    const logits = logitsOf(0.2, 0.5, 0.3);
    const drawn = Array.from({ length: 4000 }, (_, i) => chooseToken(logits, [], off, uniformAt(11, i)));
    // Standard deviation of a share of 0.5 over 4000 draws: sqrt(0.25 / 4000) = 0.008; four of them.
    const share = drawn.filter((id) => id === 1).length / 4000;
    expect(Math.abs(share - 0.5)).toBeLessThan(0.032);
    expect(drawn[17]).toBe(chooseToken(logits, [], off, uniformAt(11, 17)));
  });
});
