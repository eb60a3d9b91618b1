// Trains a byte-level BPE vocabulary: words are counted once by the GPT-2 pre-tokeniser, then the most frequent pair of
// neighbouring tokens is merged until the vocabulary is full. Deterministic: ties go to the pair that sorts first.

/** The pattern that ByteLevel uses with `use_regex` (Radford et al. 2019). */
const WORD_PATTERN = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

export interface BpeVocabulary {
  /** The 256 byte letters, in byte order, then one token per merge. */
  tokens: string[];
  merges: [string, string][];
}

/** Byte to printable letter, as in GPT-2: printable Latin-1 stands for itself, the rest is shifted past 255. */
export function byteLetters(): string[] {
  const letters: string[] = [];
  let shifted = 256;
  for (let byte = 0; byte < 256; byte += 1) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    letters.push(String.fromCodePoint(printable ? byte : shifted));
    if (!printable) shifted += 1;
  }
  return letters;
}

interface Word {
  symbols: string[];
  count: number;
}

/** @param mergeCount tokens beyond the 256 bytes. Stops early only where no pair occurs twice. */
export function trainBpe(texts: readonly string[], mergeCount: number): BpeVocabulary {
  const letters = byteLetters();
  const words = countWords(texts, letters);
  const pairs = new PairIndex(words);
  const vocabulary: BpeVocabulary = { tokens: [...letters], merges: [] };
  while (vocabulary.merges.length < mergeCount) {
    const best = pairs.mostFrequent();
    if (best === null) break;
    vocabulary.merges.push(best);
    vocabulary.tokens.push(best[0] + best[1]);
    pairs.merge(best);
  }
  return vocabulary;
}

function countWords(texts: readonly string[], letters: readonly string[]): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [word] of text.matchAll(WORD_PATTERN)) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const encoder = new TextEncoder();
  return [...counts].map(([word, count]) => ({
    symbols: Array.from(encoder.encode(word), (byte) => letters[byte] ?? ''),
    count,
  }));
}

/** Counts of neighbouring symbols, and in which words they stand, kept up to date merge by merge. */
class PairIndex {
  readonly #counts = new Map<string, number>();
  readonly #words = new Map<string, Set<Word>>();

  constructor(words: readonly Word[]) {
    for (const word of words) this.#add(word, 1);
  }

  mostFrequent(): [string, string] | null {
    let best: string | null = null;
    let bestCount = 1;
    for (const [key, count] of this.#counts) {
      if (count > bestCount || (count === bestCount && best !== null && key < best)) {
        best = key;
        bestCount = count;
      }
    }
    if (best === null) return null;
    const [left = '', right = ''] = best.split(' ');
    return [left, right];
  }

  merge([left, right]: [string, string]): void {
    for (const word of [...(this.#words.get(`${left} ${right}`) ?? [])]) {
      this.#add(word, -1);
      word.symbols = mergeSymbols(word.symbols, left, right);
      this.#add(word, 1);
    }
  }

  /** A space cannot be a byte letter, so it separates the two halves of a key. */
  #add(word: Word, sign: 1 | -1): void {
    for (let at = 1; at < word.symbols.length; at += 1) {
      const key = `${word.symbols[at - 1]} ${word.symbols[at]}`;
      const count = (this.#counts.get(key) ?? 0) + sign * word.count;
      if (count === 0) this.#counts.delete(key);
      else this.#counts.set(key, count);
      this.#note(key, word, sign);
    }
  }

  #note(key: string, word: Word, sign: 1 | -1): void {
    const words = this.#words.get(key) ?? new Set<Word>();
    if (sign === 1) words.add(word);
    else words.delete(word);
    this.#words.set(key, words);
  }
}

function mergeSymbols(symbols: readonly string[], left: string, right: string): string[] {
  const merged: string[] = [];
  for (let at = 0; at < symbols.length; at += 1) {
    if (symbols[at] === left && symbols[at + 1] === right) {
      merged.push(left + right);
      at += 1;
    } else {
      merged.push(symbols[at] ?? '');
    }
  }
  return merged;
}
