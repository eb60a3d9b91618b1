import { describe, expect, it } from 'vitest';
import { configDrift, FREE_TO_CHANGE } from './drift';

const built = { id: 'notes', instance_data_dir: 'notes' };

describe('configDrift', () => {
  it.each([...FREE_TO_CHANGE])('%s is free to change', (key) => {
    expect(configDrift(built, { ...built, [key]: 'other' })).toEqual([]);
  });

  it('names each other setting with both values', () => {
    expect(configDrift(built, { ...built, instance_data_dir: 'letters', maximum_token_length: 64 })).toEqual([
      { key: 'instance_data_dir', built: 'notes', now: 'letters' },
      { key: 'maximum_token_length', built: null, now: 64 },
    ]);
  });

  it('a default that is written out is no change', () => {
    const now = { ...built, type: 'local', truncation_mode: 'end', length_buckets: [64, 128, 256, 512] };
    expect(configDrift(built, now)).toEqual([]);
  });

  it('the order of names is no change', () => {
    const mapping = { prompt: 'q', completion: 'a' };
    const turned = { completion: 'a', prompt: 'q' };
    expect(configDrift({ ...built, mapping }, { ...built, mapping: turned })).toEqual([]);
  });

  it('tells the default where a setting was removed', () => {
    expect(configDrift({ ...built, truncation_mode: 'random' }, built)).toEqual([
      { key: 'truncation_mode', built: 'random', now: 'end' },
    ]);
  });
});
