import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../../src/lib/text/hf-tokenizer';
import { byteLetters, trainBpe } from './bpe-trainer';
import { tokenizerConfigJson, tokenizerJson } from './tokenizer-files';

describe('trainBpe', () => {
  it('byteLetters: 256 different letters, printable ones for themselves', () => {
    const letters = byteLetters();
    expect(new Set(letters).size).toBe(256);
    expect(letters['A'.charCodeAt(0)]).toBe('A');
    expect(letters[32]).toBe('Ġ');
  });

  it('trainBpe: the most frequent pair first, ties by their order, then pairs of what was merged', () => {
    const { merges, tokens } = trainBpe(['abab abab cd cd'], 3);
    // "ab" stands four times; of the pairs that stand twice, "abab" needs the first merge.
    expect(merges[0]).toEqual(['a', 'b']);
    expect(merges.slice(1)).toContainEqual(['ab', 'ab']);
    expect(tokens).toHaveLength(256 + 3);
    expect(tokens.at(256)).toBe('ab');
    expect(trainBpe(['abab abab cd cd'], 3).merges).toEqual(merges);
  });

  it('trainBpe: stops where no pair occurs twice', () => {
    expect(trainBpe(['abc'], 10).merges).toEqual([]);
  });

  it('tokenizer files: the tokenizer of the app reads them and gives the text back', () => {
    const text = 'the hammer and the anvil, the hammer and the fire: ñ';
    const vocabulary = trainBpe([text], 12);
    const tokenizer = createTokenizer({
      tokenizerJson: JSON.stringify(tokenizerJson(vocabulary)),
      tokenizerConfigJson: JSON.stringify(tokenizerConfigJson(64)),
    });
    const ids = tokenizer.encode(text);
    expect(tokenizer.decode(ids)).toBe(text);
    expect(ids.length).toBeLessThan(new TextEncoder().encode(text).length);
  });
});
