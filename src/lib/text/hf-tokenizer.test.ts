import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from './hf-tokenizer';
import { byteTokenizerSource, sentencePieceSource } from './testing/byte-tokenizer';

const TEXT = 'hello world, año 日本 👩‍🚀<|im_end|>\n';

describe('hf-tokenizer', () => {
  it('gives back the text it encoded, whatever its script', () => {
    const tokenizer = createTokenizer(byteTokenizerSource());
    const ids = tokenizer.encode(TEXT);
    expect(tokenizer.decode(ids)).toBe(TEXT);
    // 256 bytes, then he ll hell hello ...: "hello" is the fourth merge.
    expect(ids[0]).toBe(259);
    expect(tokenizer.encode('')).toEqual([]);
    expect(tokenizer.decode([])).toBe('');
  });

  it('decodes as the library does', () => {
    for (const source of [byteTokenizerSource(), sentencePieceSource()]) {
      const tokenizer = createTokenizer(source);
      const library = new LibraryTokenizer(
        {
          normalizer: null,
          post_processor: null,
          pre_tokenizer: null,
          ...(JSON.parse(source.tokenizerJson) as object),
        },
        JSON.parse(source.tokenizerConfigJson) as object,
      );
      const ids = tokenizer.encode('ab c é ab');
      expect(tokenizer.decode(ids)).toBe(library.decode(ids, { clean_up_tokenization_spaces: false }));
      expect(tokenizer.decode(ids)).toBe('ab c é ab');
    }
  });

  it('reads special tokens from the config, as strings and as objects', () => {
    const plain = createTokenizer(byteTokenizerSource());
    expect(plain.eosTokenId).toBe(plain.tokenToId('<|endoftext|>'));
    expect(plain.bosTokenId).toBeNull();
    expect(plain.textPrefixIds).toEqual([]);
    const llama = createTokenizer(sentencePieceSource());
    expect([llama.bosTokenId, llama.eosTokenId, llama.textPrefixIds]).toEqual([1, 2, [1]]);
    expect(llama.vocabSize).toBe(3 + 256 + 6);
  });

  it('finds a usual end-of-text token where there is no config', () => {
    const { tokenizerJson } = byteTokenizerSource();
    const tokenizer = createTokenizer({ tokenizerJson, tokenizerConfigJson: '{}' });
    expect(tokenizer.eosTokenId).toBe(tokenizer.tokenToId('<|endoftext|>'));
  });

  it('streams without ever showing half a character', () => {
    const tokenizer = createTokenizer(byteTokenizerSource());
    const stream = tokenizer.createDecodeStream();
    const pushed = tokenizer.encode('a👩b').map((id) => stream.push(id));
    expect(pushed).toEqual(['a', '', '', '', '👩', 'b']);
    expect(stream.flush()).toBe('');
  });

  it('drops half a character at the end of a stream and is silent on special tokens', () => {
    const tokenizer = createTokenizer(byteTokenizerSource());
    const stream = tokenizer.createDecodeStream();
    const ids = [...tokenizer.encode('x<|im_end|>'), ...tokenizer.encode('é').slice(0, 1)];
    expect(ids.map((id) => stream.push(id)).join('') + stream.flush()).toBe('x');
    expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('x\ufffd');
  });

  it('gives every token its piece; they join to the text', () => {
    const tokenizer = createTokenizer(byteTokenizerSource());
    const ids = tokenizer.encode(TEXT);
    expect(tokenizer.pieces(ids).join('')).toBe(TEXT);
    expect(tokenizer.pieces(tokenizer.encode('éa'))).toEqual(['', 'é', 'a']);
  });

  it('refuses files that are no JSON, and decoders it does not know', () => {
    const { tokenizerConfigJson, tokenizerJson } = byteTokenizerSource();
    const broken = { tokenizerJson: '{"model":', tokenizerConfigJson };
    expect(() => createTokenizer(broken)).toThrow(/tokenizer.json is not JSON/);
    const wordPiece = {
      ...(JSON.parse(tokenizerJson) as object),
      decoder: { type: 'WordPiece', prefix: '##' },
    };
    expect(() => createTokenizer({ tokenizerJson: JSON.stringify(wordPiece), tokenizerConfigJson })).toThrow(
      /decoder "WordPiece" is not known/,
    );
  });

  it('gives nothing for an id without a token', () => {
    expect(createTokenizer(byteTokenizerSource()).decode([99_999, 65])).toHaveLength(1);
  });
});
