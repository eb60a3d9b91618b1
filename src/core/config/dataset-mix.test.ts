import { describe, expect, it } from 'vitest';
import type { TrainingConfig } from '../../protocol/training';
import { mixOf, mixProblems, shareWeights, wholeShare, withAlignedMix } from './dataset-mix';
import { trainingDefaults, validateTrainingConfig } from './training-config';

const config: TrainingConfig = {
  ...trainingDefaults,
  name: 'run',
  modelId: 'm',
  startFromAdapterId: null,
  datasetId: 'a',
};
const sizes: Record<string, number> = { a: 30, b: 10 };

describe('dataset-mix', () => {
  it('shares: by weight alone, or by weight and size', () => {
    const mix = mixOf(['a', 'b']);
    const weights = (weighting: typeof mix.weighting, probability = 1): number[] => {
      const [a, b] = [wholeShare('a'), { ...wholeShare('b'), probability }];
      return shareWeights({ ...mix, weighting, shares: [a, b] }, (id) => sizes[id] ?? 0);
    };
    expect(weights('uniform')).toEqual([0.5, 0.5]);
    expect(weights('auto-weighting')).toEqual([0.75, 0.25]);
    expect(weights('auto-weighting', 3)).toEqual([0.5, 0.5]);
    expect(weights('uniform', 0)).toEqual([1, 0]);
  });

  it('a mix begins with the dataset of its run; with that one alone it is none', () => {
    const mixed = { ...config, mix: mixOf(['a', 'b']) };
    expect(withAlignedMix(mixed)).toEqual(mixed);
    const changed = withAlignedMix({ ...mixed, datasetId: 'c' });
    expect(changed.mix?.shares.map(({ datasetId }) => datasetId)).toEqual(['c', 'b']);
    expect(withAlignedMix({ ...mixed, datasetId: 'b' })).not.toHaveProperty('mix');
    expect(withAlignedMix({ ...config, mix: mixOf(['a']) })).not.toHaveProperty('mix');
  });

  it('problems: are named by their path, each with a remedy', () => {
    const good = wholeShare('a');
    const paths = (shares: object[], changes: object = {}): string[] =>
      mixProblems({ datasetId: 'a', mix: { ...mixOf([]), ...changes, shares: shares as never } }).map(
        ({ path }) => path,
      );
    expect(paths([good, wholeShare('b')])).toEqual([]);
    expect(paths([good, good])).toEqual(['mix.shares.1.datasetId']);
    expect(paths([wholeShare('b'), good])).toEqual(['mix.shares']);
    expect(paths([good, { ...wholeShare('b'), probability: NaN, repeats: 1.5, startEpoch: 0 }])).toEqual([
      'mix.shares.1.probability',
      'mix.shares.1.repeats',
      'mix.shares.1.startEpoch',
    ]);
    expect(paths([good, wholeShare('b')], { weighting: 'loud', strategy: '' })).toEqual([
      'mix.weighting',
      'mix.strategy',
    ]);
    const all = validateTrainingConfig({ ...config, prefetch: 1.5, mix: mixOf(['b']) });
    expect(all.map(({ path }) => path)).toEqual(['mix.shares', 'prefetch']);
    expect(all.every(({ remedy }) => remedy !== '')).toBe(true);
    const { prefetch: _, ...older } = config;
    expect(validateTrainingConfig(older)).toEqual([]);
  });
});
