import { describe, expect, it } from 'vitest';
import type { EncoderIdentity } from '../../protocol/encoding';
import { encoderDrift } from './encoder-drift';

const encoder = (changes: Partial<EncoderIdentity> = {}): EncoderIdentity => ({
  modelId: 'a',
  name: 'MiniLM',
  revision: 'one',
  parts: { weights: '11112222333', pooling: 'aaaa' },
  ...changes,
});

describe('encoder-drift', () => {
  it('encoder-drift: the same files under another name make the same vectors', () => {
    expect(encoderDrift(encoder(), encoder({ modelId: 'b', name: 'Copy' }))).toEqual([]);
    expect(encoderDrift(null, encoder())).toEqual([]);
  });

  it('encoder-drift: another model, and which of its parts is another one', () => {
    const other = encoder({
      name: 'Large',
      revision: 'two',
      parts: { weights: '99990000111', pooling: 'aaaa' },
    });
    expect(encoderDrift(encoder(), other)).toEqual([
      { key: 'encoder', built: 'MiniLM', now: 'Large' },
      { key: 'weights', built: '11112222', now: '99990000' },
    ]);
  });
});
