import { describe, expect, it } from 'vitest';
import { createTokenizer, type TokenizerSource } from '../../text/hf-tokenizer';
import { byteTokenizerSource, CHATML, sentencePieceSource } from '../../text/testing/byte-tokenizer';
import { readGgufHeader } from './gguf-header';
import { mergesOfScores, scoresOfMerges } from './gguf-merges';
import { nameOfPreTokenizer, preTokenizerNamed } from './gguf-pre-tokenizers';
import type { GgufValue } from './gguf-types';
import { TOKENIZER_KEYS as KEYS } from './gguf-vocabulary';
import { collectGguf, writeGguf } from './gguf-writer';
import { tokenizerOfGguf } from './tokenizer-from-gguf';
import { ggufTokenizerOf } from './tokenizer-to-gguf';

const TEXTS = [
  'hello world, año 日本 👩‍🚀<|im_end|>\n',
  '  two spaces\n\nand 1234 numbers',
  'ab c é ab',
  '<s>a b</s>',
  "it's <|im_start|>user\nhell",
];

/** Through the bytes of a file and back. */
async function throughFile(metadata: ReadonlyMap<string, GgufValue>): Promise<TokenizerSource> {
  const file = await collectGguf(writeGguf('m', { metadata, tensors: [] }));
  return tokenizerOfGguf((await readGgufHeader(file)).metadata);
}

function changed(
  source: TokenizerSource,
  change: (metadata: Map<string, GgufValue>) => void,
): () => TokenizerSource {
  const metadata = ggufTokenizerOf(source, { vocabSize: 300, embedJson: false });
  change(metadata);
  return () => tokenizerOfGguf(metadata);
}

const withParts = (source: TokenizerSource, parts: object): TokenizerSource => ({
  ...source,
  tokenizerJson: JSON.stringify({ ...(JSON.parse(source.tokenizerJson) as object), ...parts }),
});

describe('gguf tokenizer', () => {
  it.each([
    ['byte-level BPE', byteTokenizerSource({ chat_template: CHATML })],
    ['SentencePiece-style BPE', sentencePieceSource()],
    ...['smollm', 'llama-bpe', 'qwen2'].map((name) => {
      const { preTokenizer, normalizer } = preTokenizerNamed(name);
      return [
        `words cut as ${name} does`,
        withParts(byteTokenizerSource(), { pre_tokenizer: preTokenizer, normalizer }),
      ];
    }),
  ] as [string, TokenizerSource][])('gguf tokenizer: same ids after a file: %s', async (_, source) => {
    const original = createTokenizer(source);
    const metadata = ggufTokenizerOf(source, { vocabSize: 300, embedJson: false });
    expect(metadata.has(KEYS.huggingFace)).toBe(false);
    const rebuiltSource = await throughFile(metadata);
    const rebuilt = createTokenizer(rebuiltSource);
    for (const text of TEXTS) {
      const ids = original.encode(text);
      expect(rebuilt.encode(text)).toEqual(ids);
      expect(rebuilt.decode(ids)).toBe(original.decode(ids));
      expect(rebuilt.decode(ids, { skipSpecialTokens: true })).toBe(
        original.decode(ids, { skipSpecialTokens: true }),
      );
    }
    expect([rebuilt.bosTokenId, rebuilt.eosTokenId, rebuilt.textPrefixIds]).toEqual([
      original.bosTokenId,
      original.eosTokenId,
      original.textPrefixIds,
    ]);
    const template = (json: string): unknown =>
      (JSON.parse(json) as Record<string, unknown>)['chat_template'];
    expect(template(rebuiltSource.tokenizerConfigJson)).toBe(template(source.tokenizerConfigJson));
  });

  it('gguf tokenizer: a file that carries tokenizer.json gives it back to the letter', async () => {
    const source = byteTokenizerSource();
    const back = await throughFile(ggufTokenizerOf(source, { vocabSize: 300 }));
    expect(back.tokenizerJson).toBe(source.tokenizerJson);
    const other = changed(source, (m) =>
      m.set(KEYS.huggingFace, { type: 'string', value: '{"model":{"vocab":{"x":1}}}' }),
    );
    expect(other).toThrow('gives "x" the id 1, which tokenizer.ggml.tokens does not');
  });

  it('gguf tokenizer: kinds of tokens by their numbers; ids without a token are filled up', () => {
    const metadata = ggufTokenizerOf(sentencePieceSource(), { vocabSize: 300 });
    const types = metadata.get(KEYS.types);
    const tokens = metadata.get(KEYS.tokens);
    if (types?.type !== 'array' || tokens?.type !== 'array') throw new Error('no arrays');
    // <unk>, <s>, </s>, <0x00>, then "▁" after 256 bytes, and the first id past the 265 tokens.
    expect([0, 1, 2, 3, 259, 265].map((id) => types.values[id])).toEqual([2, 3, 3, 6, 1, 5]);
    expect([tokens.values.length, tokens.values[265]]).toEqual([300, '[PAD265]']);
    expect(() => ggufTokenizerOf(sentencePieceSource(), { vocabSize: 264 })).toThrow('has the id 264 of 264');
  });

  it('gguf tokenizer: merges follow scores; the other way scores follow merges', () => {
    const scores = new Map([
      ['a', -9],
      ['b', -9],
      ['c', -9],
      ['ab', -2],
      ['bc', -1],
      ['abc', -3],
    ]);
    const merges = mergesOfScores(scores);
    expect(merges).toEqual([
      ['b', 'c'],
      ['a', 'b'],
      ['ab', 'c'],
      ['a', 'bc'],
    ]);
    expect([...scoresOfMerges(merges)]).toEqual([
      ['bc', -0],
      ['ab', -1],
      ['abc', -2],
    ]);
  });

  it('gguf tokenizer: a digit is a word of its own only where the name says so', () => {
    const name = (parts: unknown) => nameOfPreTokenizer(parts, null);
    expect(name({ type: 'ByteLevel', add_prefix_space: false, use_regex: true })).toBe('gpt-2');
    expect(name(preTokenizerNamed('starcoder').preTokenizer)).toBe('smollm');
    expect(() => name({ type: 'Whitespace' })).toThrow('has no name in GGUF that is known (gpt-2, smollm');
  });

  it.each([
    ['no tokens', (m) => m.delete(KEYS.tokens), 'tokenizer.ggml.tokens is missing'],
    ['another kind', (m) => m.set(KEYS.model, { type: 'string', value: 'bert' }), 'is bert; gpt2 and llama'],
    [
      'an unknown cut',
      (m) => m.set(KEYS.pre, { type: 'string', value: 'tekken' }),
      'tokenizer.ggml.pre is tekken',
    ],
    ['no cut', (m) => m.delete(KEYS.pre), 'tokenizer.ggml.pre is missing'],
    ['no merges', (m) => m.delete(KEYS.merges), 'tokenizer.ggml.merges is missing'],
    [
      'a merge of one token',
      (m) => m.set(KEYS.merges, { type: 'array', of: 'string', values: ['ab'] }),
      'merge 0 is "ab", not two tokens',
    ],
    [
      'types for other tokens',
      (m) => m.set(KEYS.types, { type: 'array', of: 'int32', values: [1] }),
      'tokenizer.ggml.token_type has 1 values for 300 tokens',
    ],
    ['an id without a token', (m) => m.set(KEYS.eos, { type: 'uint32', value: 300 }), 'eos_token_id is 300'],
  ] as [string, (metadata: Map<string, GgufValue>) => void, string][])(
    'gguf tokenizer: refuses %s',
    (_, change, message) => {
      expect(changed(byteTokenizerSource(), change)).toThrow(message);
    },
  );

  it('gguf tokenizer: refuses scores that order nothing', () => {
    const equal: GgufValue = { type: 'array', of: 'float32', values: new Array<number>(300).fill(-1000) };
    expect(changed(sentencePieceSource(), (m) => m.set(KEYS.scores, equal))).toThrow('the same score');
    expect(changed(sentencePieceSource(), (m) => m.delete(KEYS.scores))).toThrow('scores is missing');
  });
});
