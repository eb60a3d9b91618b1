// Texts as an encoder wants them: with the special tokens around them that its tokenizer.json puts there, and cut so that these
// stay. Any kind of tokenizer that @huggingface/tokenizers knows, WordPiece and Unigram among them. Holds the vocabulary only.
import type { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import type { TokenizerSource } from './hf-tokenizer';
import { highestId, libraryTokenizer } from './library-tokenizer';
import { parseTokenizerJson, specialToken } from './tokenizer-config';

export interface EncodedText {
  ids: number[];
  /** True where the text was longer than may be. */
  truncated: boolean;
}

export class EmbeddingTokenizer {
  /** One more than the highest id. */
  readonly vocabSize: number;
  /** What fills up; a mask says that it does not count. */
  readonly padId: number;
  readonly #library: LibraryTokenizer;

  /** @throws AppError `model.unsupported` where the files are no JSON, or describe a tokenizer that is not known. */
  constructor({ tokenizerJson, tokenizerConfigJson }: TokenizerSource) {
    const document = parseTokenizerJson(tokenizerJson, 'tokenizer.json');
    const config = parseTokenizerJson(tokenizerConfigJson, 'tokenizer_config.json');
    this.#library = libraryTokenizer(document, config, 'BPE, WordPiece or Unigram');
    this.vocabSize = highestId(this.#library) + 1;
    const pad = specialToken(config, 'pad_token');
    this.padId = (pad === null ? undefined : this.#library.token_to_id(pad)) ?? 0;
  }

  /** @param maxTokens special tokens among them. */
  encode(text: string, maxTokens: number): EncodedText {
    const ids = this.#ids(text, true);
    if (ids.length <= maxTokens) return { ids, truncated: false };
    const own = this.#ids(text, false);
    const around = ids.length - own.length;
    const before = Array.from({ length: around + 1 }, (_, at) => at).find((at) =>
      own.every((id, index) => ids[at + index] === id),
    );
    const kept = own.slice(0, Math.max(0, maxTokens - around));
    const start = before ?? 0;
    const cut = [...ids.slice(0, start), ...kept, ...ids.slice(start + own.length)];
    return { ids: cut.slice(0, maxTokens), truncated: true };
  }

  #ids(text: string, special: boolean): number[] {
    const { ids } = this.#library.encode(text, { add_special_tokens: special });
    return ids.filter((id) => Number.isInteger(id));
  }
}
