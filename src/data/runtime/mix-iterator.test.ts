import { describe, expect, it } from 'vitest';
import { mixOf, mixProblems, mixWarnings, shareFromKeys, wholeShare } from '../../core/config/dataset-mix';
import { trainingDefaults } from '../../core/config/training-config';
import { uniformAt, hashSeed } from '../../lib/random';
import type { DatasetShare, MixWeighting } from '../../protocol/mix';
import type { TrainingConfig } from '../../protocol/training';
import { MixIterator, type MixRules, type MixSource } from './mix-iterator';
import { isActive, weightOf } from './mix-weights';
import { measureRun } from './run-extent';

const RULES: MixRules = { weighting: 'uniform', gradientAccumulation: 1, seed: 5 };

function source(datasetId: string, changes: Partial<DatasetShare> = {}, batches = 10): MixSource {
  return { share: { ...wholeShare(datasetId), ...changes }, rows: batches * 4, batches, until: Infinity };
}

const iterator = (sources: MixSource[], rules: Partial<MixRules> = {}): MixIterator =>
  new MixIterator(sources, { ...RULES, ...rules });

/** Ids that the first micro-steps draw from. */
function drawn(sources: MixSource[], count: number, rules: Partial<MixRules> = {}): string[] {
  const mix = iterator(sources, rules);
  return Array.from({ length: count }, (_, n) => sources[mix.at(n).source]?.share.datasetId ?? '');
}

const clock = (epoch: number, optimizerStep: number) => ({ epoch, optimizerStep });
const sizes = { rows: 30, allRows: 120 };
const config = (changes: Partial<TrainingConfig>): TrainingConfig => ({
  ...trainingDefaults,
  name: 'run',
  modelId: 'm',
  startFromAdapterId: null,
  datasetId: 'a',
  ...changes,
});
const mixWith = (...shares: Partial<DatasetShare>[]) => ({
  ...mixOf([]),
  shares: shares.map((changes, i) => ({ ...wholeShare('abc'.charAt(i)), ...changes })),
});
const pathsOf = (...shares: Partial<DatasetShare>[]): string[] =>
  mixProblems({ datasetId: 'a', mix: mixWith(...shares) }).map(({ path }) => path);

describe('1.H.1 weight', () => {
  const share = { probability: 0.5, disableAfter: null };

  it('1.H.1 uniform: the probability', () => {
    expect(weightOf(share, sizes, 'uniform', 7)).toBe(0.5);
    expect(weightOf({ ...share, disableAfter: 10 }, sizes, 'uniform', 7)).toBe(0.5);
  });

  it('1.H.1 auto-weighting: times its share of all rows', () => {
    expect(weightOf(share, sizes, 'auto-weighting', 7)).toBe(0.5 * 0.25);
  });

  it('1.H.1 auto-weighting with disable_after: falls to 0 at that step and stays there', () => {
    const fading = { probability: 1, disableAfter: 10 };
    const at = (step: number): number => weightOf(fading, { rows: 1, allRows: 1 }, 'auto-weighting', step);
    expect([0, 5, 10, 11].map(at)).toEqual([1, 0.5, 0, 0]);
  });

  it('1.H.1 an unknown weighting is an error', () => {
    const unknown = 'loudest' as MixWeighting;
    expect(() => weightOf(share, sizes, unknown, 0)).toThrow(/There is no weighting "loudest"/);
    expect(() => drawn([source('a')], 1, { weighting: unknown })).toThrow(/loudest/);
  });
});

describe('1.H.2 probability', () => {
  it('1.H.2 unset, null or empty is 1; a number or its text is kept', () => {
    const read = (probability: unknown) => shareFromKeys('a', { probability }).probability;
    expect([undefined, null, '', 0.25, '0.25', 0].map(read)).toEqual([1, 1, 1, 0.25, 0.25, 0]);
  });

  it('1.H.2 a probability of 0 is never sampled', () => {
    expect(new Set(drawn([source('a', { probability: 0 }), source('b')], 60))).toEqual(new Set(['b']));
  });
});

describe('1.H.3 schedule', () => {
  const scheduled = { ...wholeShare('a'), startStep: 300, endStep: 310, startEpoch: 2, endEpoch: 3 };

  it('1.H.3 both ends of steps and epochs take part, counted from 1', () => {
    const active = [clock(1, 298), clock(1, 299), clock(2, 309), clock(2, 310), clock(0, 305), clock(3, 305)];
    expect(active.map((at) => isActive(scheduled, at))).toEqual([false, true, true, false, false, false]);
  });

  it('1.H.3 an end at step 300 and a start at step 300 overlap on that step', () => {
    const sources = [source('a', { endStep: 300 }, 999), source('b', { startStep: 300 }, 999)];
    const at = (n: number) => sources.filter(({ share }) => isActive(share, clock(0, n))).length;
    expect([298, 299, 300].map(at)).toEqual([1, 2, 1]);
    const ids = drawn(sources, 320);
    expect(ids.lastIndexOf('a')).toBeLessThanOrEqual(299);
    expect(ids.indexOf('b')).toBeGreaterThanOrEqual(299);
  });

  it('1.H.3 values that make no sense are the default; an end of null, 0 or below is none', () => {
    const bad = shareFromKeys('a', { start_epoch: 0, start_step: -1, end_epoch: 0, end_step: 'soon' });
    expect(bad).toMatchObject({ startEpoch: 1, startStep: 0, endEpoch: null, endStep: null });
    const good = shareFromKeys('a', { start_epoch: 2, start_step: '5', end_epoch: 3, end_step: 9 });
    expect(good).toMatchObject({ startEpoch: 2, startStep: 5, endEpoch: 3, endStep: 9 });
    expect(shareFromKeys('a', { end_step: -4, end_epoch: null })).toMatchObject({ endStep: null });
  });

  it('1.H.3 one dataset has to begin at the beginning', () => {
    expect(pathsOf({ startStep: 2 }, { startEpoch: 2 })).toEqual(['mix.shares']);
    expect(pathsOf({ startStep: 1 }, { startEpoch: 2 })).toEqual([]);
    expect(pathsOf({ probability: 0 }, { startEpoch: 2 })).toEqual(['mix.shares']);
  });

  it('1.H.3 an end before the start is an error, of steps only where there is a start', () => {
    expect(pathsOf({}, { startEpoch: 3, endEpoch: 2 })).toEqual(['mix.shares.1.endEpoch']);
    expect(pathsOf({}, { startStep: 9, endStep: 8 })).toEqual(['mix.shares.1.endStep']);
    expect(pathsOf({}, { startStep: 0, endStep: 1 })).toEqual([]);
  });

  it('1.H.3 a start after the end of the run is a warning', () => {
    const late = mixWith({}, { startEpoch: 4 }, { startStep: 11 });
    const paths = (changes: Partial<TrainingConfig>) =>
      mixWarnings(config({ mix: late, ...changes })).map(({ path }) => path);
    expect(paths({ epochs: 3 })).toEqual(['mix.shares.1.startEpoch']);
    expect(paths({ epochs: 3.5 })).toEqual([]);
    expect(paths({ maxSteps: 10 })).toEqual(['mix.shares.2.startStep']);
    expect(mixWarnings(config({ mix: late, epochs: 3 }))[0]?.message).toContain('never be sampled');
  });
});

describe('1.H.4 selection', () => {
  it('1.H.4 is a function of seed, micro-step and the active datasets, sorted by id', () => {
    const [a, b] = [source('a', {}, 99), source('b', { probability: 3 }, 99)];
    const expected = Array.from({ length: 80 }, (_, n) =>
      uniformAt(hashSeed(5, 'mix'), n) * 4 < 1 ? 'a' : 'b',
    );
    expect(drawn([a, b], 80)).toEqual(expected);
    expect(drawn([b, a], 80)).toEqual(expected);
    expect(drawn([a, b], 80, { seed: 6 })).not.toEqual(expected);
  });

  it('1.H.4 draws in proportion to the weights', () => {
    const ids = drawn([source('a', {}, 9e9), source('b', { probability: 3 }, 9e9)], 20_000);
    expect(ids.filter((id) => id === 'b').length / ids.length).toBeCloseTo(0.75, 1);
  });
});

describe('1.H.5 nothing active', () => {
  it('1.H.5 with an exhausted dataset the epoch ends', () => {
    const mix = iterator([source('a', {}, 2), source('b', { startEpoch: 2 }, 3)]);
    expect(mix.next()).toMatchObject({ source: 0, epoch: 0 });
    expect(mix.next()).toMatchObject({ source: 0, epoch: 0 });
    expect(mix.next()).toBeNull();
    expect(mix.next()).toMatchObject({ epoch: 1 });
  });

  it('1.H.5 with none exhausted it is an error that names epoch and step', () => {
    const mix = iterator([source('a', { endStep: 3 }, 99)], { gradientAccumulation: 2 });
    expect(() => mix.at(5)).not.toThrow();
    expect(() => mix.at(6)).toThrow('No dataset is active in epoch 1 at step 4.');
  });
});

describe('1.H.6 slider strengths', () => {
  const phases = (...strengths: (number | null)[]) =>
    strengths.map((sliderStrength, i) => source('abcdef'.charAt(i), { sliderStrength }, 9e9));

  it('1.H.6 positive, negative and neutral datasets take turns', () => {
    expect(drawn(phases(1, -1, null), 7)).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
  });

  it('1.H.6 a phase without datasets is skipped', () => {
    expect(drawn(phases(1, 0), 4)).toEqual(['a', 'b', 'a', 'b']);
    expect(drawn(phases(-1, null), 3)).toEqual(['a', 'b', 'a']);
  });

  it('1.H.6 inside a phase the draw is by weight', () => {
    const ids = drawn(phases(1, 1, -1), 400);
    expect(ids.filter((_, n) => n % 2 === 1).every((id) => id === 'c')).toBe(true);
    expect(ids.filter((id) => id === 'a').length).toBeGreaterThan(70);
    expect(ids.filter((id) => id === 'b').length).toBeGreaterThan(70);
  });

  it('1.H.6 a weight that cannot be told counts as 0', () => {
    const unknown = 'loudest' as MixWeighting;
    expect(() => drawn(phases(1, -1), 1, { weighting: unknown })).toThrow(/No dataset is active/);
  });
});

describe('1.H.7 exhaustion', () => {
  it('1.H.7 with repeats left it begins anew, without them it is out for this epoch', () => {
    const [a, b] = [source('a', { repeats: 1 }, 4), source('b', {}, 3)];
    const mix = iterator([a, b]);
    const ids: (number | null)[] = [];
    for (let draw = mix.next(); draw !== null; draw = mix.next()) ids.push(draw.source);
    expect(ids.filter((id) => id === 0)).toHaveLength(4);
    expect(ids.filter((id) => id === 1)).toHaveLength(3);
  });

  it('1.H.7 when none is left all come back, and their repeats with them', () => {
    const mix = iterator([source('a', { repeats: 2 }, 6), source('b', {}, 2)]);
    const { epochStarts, draws } = measureRun(mix, 2, { epochs: 3 });
    expect(epochStarts).toEqual([0, 8, 16, 24]);
    expect(draws).toEqual([18, 6]);
    expect(mix.at(16)).toMatchObject({ epoch: 2, cycle: 2, batch: 0 });
  });

  it('1.H.7 a dataset that was not exhausted goes on where it was', () => {
    // b is active in the first epoch only while a is: it keeps its place for later.
    const mix = iterator([source('a', {}, 3), source('b', { endStep: 2, probability: 9 }, 5)]);
    const { epochStarts } = measureRun(mix, 2, { epochs: 1 });
    expect(epochStarts[1]).toBeLessThan(8);
  });
});

describe('1.H.13 the clock', () => {
  it('1.H.13 schedules count optimizer steps, draws count micro-steps', () => {
    const sources = [source('a', { endStep: 2 }, 99), source('b', { startStep: 3 }, 99)];
    expect(drawn(sources, 12, { gradientAccumulation: 4 }).join('')).toBe('aaaaaaaabbbb');
    const plain = [source('a', {}, 99), source('b', {}, 99)];
    expect(drawn(plain, 40, { gradientAccumulation: 4 })).toEqual(drawn(plain, 40));
  });

  it('1.H.13 any micro-step is the same whether it comes next or is jumped to', () => {
    const sources = [source('a', {}, 7), source('b', { repeats: 1 }, 20), source('c', { startEpoch: 2 }, 5)];
    const straight = iterator(sources, { weighting: 'auto-weighting' });
    const draws = Array.from({ length: 6000 }, (_, n) => straight.at(n));
    for (const n of [5999, 0, 1, 4097, 4096, 2047, 2048, 2049, 31, 32]) {
      expect(iterator(sources, { weighting: 'auto-weighting' }).at(n), `fresh, ${n}`).toEqual(draws[n]);
      expect(straight.at(n), `jump, ${n}`).toEqual(draws[n]);
      expect(straight.at(n + 1), `after a jump, ${n}`).toEqual(draws[n + 1] ?? straight.at(n + 1));
    }
  });

  it('a dataset that is left: nothing before changes, nothing afterwards draws from it', () => {
    const sources = [source('a', {}, 50), source('b', {}, 50)];
    const before = drawn(sources, 80);
    const [a, b] = sources as [MixSource, MixSource];
    const after = drawn([a, { ...b, until: 31 }], 80);
    expect(after.slice(0, 31)).toEqual(before.slice(0, 31));
    expect(before.slice(31)).toContain('b');
    expect(after.slice(31)).not.toContain('b');
  });
});
