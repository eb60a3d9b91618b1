import { describe, expect, it } from 'vitest';
import type { BackendConfigJson } from '../../../protocol/backends';
import { configDrift, FREE_TO_CHANGE } from './drift';

const BUILT: BackendConfigJson = {
  id: 'notes',
  dataset_type: 'text',
  type: 'local',
  instance_data_dir: 'notes',
};

describe('drift of a configuration', () => {
  it('drift: what decides on the samples is told with both values, by name', () => {
    const now = { ...BUILT, minimum_token_length: 4, caption_strategy: 'filename' };
    expect(configDrift(BUILT, now)).toEqual([
      { key: 'caption_strategy', built: null, now: 'filename' },
      { key: 'minimum_token_length', built: null, now: 4 },
    ]);
  });

  it('drift: a default that is written out is none, nor is the order of names in a section', () => {
    const built = { ...BUILT, mapping: { prompt: 'q', completion: 'a' } };
    expect(configDrift(built, { ...built, truncation_mode: 'beginning', skip_file_discovery: '' })).toEqual(
      [],
    );
    expect(configDrift(built, { ...built, mapping: { completion: 'a', prompt: 'q' } })).toEqual([]);
  });

  it.each([...FREE_TO_CHANGE])('drift: %s may change freely', (key) => {
    expect(configDrift(BUILT, { ...BUILT, [key]: 'other' })).toEqual([]);
  });

  it.each(['parquet', 'caption_strategy', 'caption_filter_list'])(
    'drift: %s may not: texts are in the dataset',
    (key) => {
      expect(configDrift(BUILT, { ...BUILT, [key]: 'other' })).toHaveLength(1);
    },
  );
});
