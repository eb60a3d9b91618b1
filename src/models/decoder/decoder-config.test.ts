import { describe, expect, it } from 'vitest';
import { SELF_TEST_CONFIG } from '../self-test';
import { inverseFrequencies, type DecoderConfig, type RopeScaling } from './decoder-config';
import { parseLlamaConfig } from '../families/llama';

const frequencies = (ropeScaling: RopeScaling | null, changes: Partial<DecoderConfig> = {}): number[] => [
  ...inverseFrequencies({ ...SELF_TEST_CONFIG, headSize: 8, ropeTheta: 10_000, ropeScaling, ...changes }),
];

const LLAMA3 = {
  type: 'llama3',
  factor: 8,
  lowFrequencyFactor: 1,
  highFrequencyFactor: 4,
  originalContextLength: 8192,
} as const;

describe('inverseFrequencies', () => {
  it('inverseFrequencies: theta to the power of -2 i / headSize', () => {
    const expected = [1, 0.1, 0.01, 0.001];
    frequencies(null).forEach((value, i) => expect(value).toBeCloseTo(expected[i] ?? NaN, 12));
  });

  it('linear scaling: every frequency divided by the factor', () => {
    const plain = frequencies(null);
    const scaled = frequencies({ type: 'linear', factor: 4 });
    scaled.forEach((value, i) => expect(value).toBeCloseTo((plain[i] ?? NaN) / 4, 12));
  });

  it('llama3 scaling: fast turns stay, slow ones are divided, those between are blended', () => {
    // Turns over the original context: 8192 * 0.001 / (2 pi) = 1.304, between the two bounds of 1 and 4.
    const [first, , , last = NaN] = frequencies(LLAMA3);
    expect(first).toBe(1);
    const smooth = ((8192 * 0.001) / (2 * Math.PI) - 1) / 3;
    expect(last).toBeCloseTo((1 - smooth) * (0.001 / 8) + smooth * 0.001, 12);
    const slow = frequencies(LLAMA3, { ropeTheta: 500_000 }).at(-1) ?? NaN;
    expect(slow).toBeCloseTo(500_000 ** (-6 / 8) / 8, 15);
  });

  it('parseLlamaConfig: a sliding window, unless the file says that it is not used', () => {
    const file = {
      ...{ vocab_size: 8, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2 },
      ...{ intermediate_size: 8, max_position_embeddings: 8, rms_norm_eps: 1e-5 },
    };
    const windowOf = (more: object) => parseLlamaConfig({ ...file, ...more }).slidingWindow;
    expect(windowOf({})).toBeNull();
    expect(windowOf({ sliding_window: null })).toBeNull();
    expect(windowOf({ sliding_window: 4096 })).toBe(4096);
    expect(windowOf({ sliding_window: 4096, use_sliding_window: false })).toBeNull();
    expect(() => windowOf({ sliding_window: 0 })).toThrow(/sliding_window/);
  });

  it('parseLlamaConfig: reads both scalings under the names of the hub', () => {
    const file = {
      vocab_size: 8,
      hidden_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      intermediate_size: 8,
      max_position_embeddings: 8,
      rms_norm_eps: 1e-5,
    };
    const scalingOf = (rope_scaling: object): RopeScaling | null =>
      parseLlamaConfig({ ...file, rope_scaling }).ropeScaling;
    expect(scalingOf({ type: 'linear', factor: 2 })).toEqual({ type: 'linear', factor: 2 });
    const llama3 = {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    };
    expect(scalingOf(llama3)).toEqual(LLAMA3);
  });
});
