import { describe, expect, it } from 'vitest';
import type { BuildStage } from '../../protocol/backends';
import { BucketReport } from './bucket-report';
import { FilteringStatistics, FILTER_REASONS } from './filtering-statistics';

const ended = (name: BuildStage['name'], count: number): BuildStage => ({
  name,
  count,
  milliseconds: 5,
  memoryBytes: null,
});

describe('filtering statistics', () => {
  it('counts all that was processed, and what was left out by reason', () => {
    const statistics = new FilteringStatistics();
    for (const reason of [null, 'too_long', 'too_small', 'too_long', null] as const) statistics.add(reason);
    expect(statistics.toRecord()).toEqual({
      total_processed: 5,
      too_small: 1,
      too_long: 2,
      aspect: 0,
      filtered: 0,
      metadata_missing: 0,
      not_found: 0,
      already_exists: 0,
      other: 0,
    });
    expect(statistics.leftOut).toBe(3);
    statistics.add('filtered', 4);
    expect(statistics.toRecord()).toMatchObject({ total_processed: 9, filtered: 4 });
    expect(statistics.leftOut).toBe(7);
    expect(statistics.reasons()).toEqual([
      ['filtered', 4],
      ['too_long', 2],
      ['too_small', 1],
    ]);
  });
});

describe('bucket report', () => {
  it('tells stages in order, the three fullest buckets and the reasons', () => {
    const report = new BucketReport('forge');
    report.stage(ended('discover', 2));
    report.stage(ended('read', 9));
    for (const bucket of [64, 64, 128, 256, 256, 512, 128]) report.keep(bucket);
    report.leaveOut('too_long');
    expect(report.topBuckets()).toEqual([
      [64, 2],
      [128, 2],
      [256, 2],
    ]);
    expect(report.usable).toBe(7);
    expect(report.parts()).toMatchObject({
      stages: [ended('discover', 2), ended('read', 9)],
      filtering: { total_processed: 8, too_long: 1 },
      buckets: { 64: 2, 128: 2, 256: 2, 512: 1 },
      nextSteps: ['1 sample is longer than the maximum length: raise it, or cut them before.'],
    });
    expect(report.toText().split('\n')).toEqual([
      'Dataset "forge": 7 usable samples.',
      'Stages: discover 2, read 9.',
      'Fullest buckets: up to 64: 2, up to 128: 2, up to 256: 2.',
      'Left out: too_long 1.',
      '1. 1 sample is longer than the maximum length: raise it, or cut them before.',
    ]);
  });

  it('where nothing was left out there is nothing to do', () => {
    const report = new BucketReport('forge');
    report.keep(64);
    expect(report.parts().nextSteps).toEqual([]);
  });

  it('removals take samples off their bucket, or off all', () => {
    const report = new BucketReport('forge');
    for (const bucket of [64, 64, 128, 128]) report.keep(bucket);
    report.remove('the bucket is smaller than a batch', 2, 64);
    report.remove('max_num_samples', 1);
    report.remove('nothing', 0);
    expect(report.usable).toBe(1);
    expect(report.parts().buckets).toEqual({ 128: 2 });
    expect(report.removals).toHaveLength(2);
    expect(report.toText()).toContain(
      'Removed: 2 (the bucket is smaller than a batch, up to 64), 1 (max_num_samples).',
    );
  });

  it('no usable samples: the error has the stages, the reasons and numbered ways out', () => {
    const report = new BucketReport('forge');
    report.stage(ended('discover', 3));
    report.stage(ended('filter', 0));
    for (const reason of ['too_small', 'too_small', 'not_found'] as const) report.leaveOut(reason);
    const error = report.noUsableSamples();
    expect(error).toMatchObject({
      code: 'dataset.empty',
      message:
        'Dataset "forge" produced no usable samples. Stages: discover 3, filter 0. Left out: too_small 2, not_found 1.',
      remedy:
        '1. Every sample was left out: loosen the limits that are named here. ' +
        '2. 2 samples are shorter than the minimum length: lower it, or join short texts. ' +
        '3. 1 sample is without the file that belongs to it: add it beside the sample, or choose another caption_strategy.',
      details: { id: 'forge' },
    });
    expect(structuredClone(error.details)).toEqual(error.details);
  });

  it.each([
    ['discover', /^1\. No file was found/],
    ['read', /^1\. No row was read/],
    ['extract', /^1\. No row gave a text/],
    ['store', /^1\. Nothing was there to process/],
  ] as const)('nothing came out of %s: that is the first step', (stage, first) => {
    const report = new BucketReport('forge');
    report.stage(ended(stage, 0));
    expect(report.noUsableSamples().remedy).toMatch(first);
  });

  it('each reason has a step of its own', () => {
    const report = new BucketReport('forge');
    for (const reason of FILTER_REASONS) report.leaveOut(reason);
    expect(new Set(report.parts().nextSteps).size).toBe(FILTER_REASONS.length);
  });
});
