import { describe, expect, it } from 'vitest';
import { readEmbeddingConfig, type EmbeddingFiles } from './embedding-config';
import { normalised, poolTokens } from './pool-tokens';

const NONE: EmbeddingFiles = { pooling: null, modules: null, sentence: null, tokenizer: null };
const layer = (type: string) => ({ idx: 0, type: `sentence_transformers.models.${type}` });

describe('embedding config', () => {
  it('embedding config: without files the mean of all tokens, as it comes', () => {
    expect(readEmbeddingConfig(NONE)).toEqual({ pooling: 'mean', normalise: false, maxTokens: null });
  });

  it.each([
    [{ pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }, 'cls'],
    [{ pooling_mode_max_tokens: true }, 'max'],
    [{ pooling_mode_lasttoken: true }, 'last'],
    [{ pooling_mode: 'mean', word_embedding_dimension: 8 }, 'mean'],
  ])('embedding config: %o', (pooling, expected) => {
    expect(readEmbeddingConfig({ ...NONE, pooling }).pooling).toBe(expected);
  });

  it('embedding config: layers behind the graph, and how long a text may be', () => {
    const modules = ['Transformer', 'Pooling', 'Normalize'].map(layer);
    const sentence = { max_seq_length: 256 };
    const tokenizer = { model_max_length: 512 };
    expect(readEmbeddingConfig({ ...NONE, modules, sentence, tokenizer })).toMatchObject({
      normalise: true,
      maxTokens: 256,
    });
    expect(readEmbeddingConfig({ ...NONE, tokenizer }).maxTokens).toBe(512);
    expect(readEmbeddingConfig({ ...NONE, tokenizer: { model_max_length: 1e30 } }).maxTokens).toBeNull();
  });

  it('embedding config: what would give other vectors than the model means is refused', () => {
    expect(() => readEmbeddingConfig({ ...NONE, modules: [layer('Transformer'), layer('Dense')] })).toThrow(
      'a layer Dense behind the graph',
    );
    const both = { pooling_mode_mean_tokens: true, pooling_mode_max_tokens: true };
    expect(() => readEmbeddingConfig({ ...NONE, pooling: both })).toThrow(
      'asks for pooling_mode_mean_tokens with pooling_mode_max_tokens',
    );
    const weighted = { pooling_mode_weightedmean_tokens: true };
    expect(() => readEmbeddingConfig({ ...NONE, pooling: weighted })).toThrow('weightedmean');
  });
});

describe('pool tokens', () => {
  // Three tokens of two numbers; the last one fills up.
  const vectors = Float32Array.of(1, -2, 3, 4, 100, 100);

  it.each([
    ['mean', [2, 1]],
    ['max', [3, 4]],
    ['cls', [1, -2]],
    ['last', [3, 4]],
  ] as const)('pool tokens: %s', (pooling, expected) => {
    expect([...poolTokens(vectors, 2, 2, pooling)]).toEqual(expected);
  });

  it('pool tokens: to length 1, but for nothing', () => {
    expect([...normalised(Float32Array.of(3, 4))].map((value) => value.toFixed(2))).toEqual(['0.60', '0.80']);
    expect([...normalised(Float32Array.of(0, 0))]).toEqual([0, 0]);
  });
});
