// A Hugging Face tokenizer.json behind the project's Tokenizer interface. @huggingface/tokenizers encodes; decoding is
// done here on bytes, so that streams and token-by-token pieces never show half a character. Holds the vocabulary only.
import type { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { highestId, libraryTokenizer } from './library-tokenizer';
import { type DecoderSpec, TokenBytes } from './token-bytes';
import { parseTokenizerJson, specialToken } from './tokenizer-config';
import type { DecodeStream, Tokenizer } from './tokenizer';

export interface TokenizerSource {
  tokenizerJson: string;
  /** `{}` where the model has none. */
  tokenizerConfigJson: string;
}

interface TokenizerDocument {
  decoder?: DecoderSpec | null;
  added_tokens?: { id: number; content: string; special?: boolean }[];
  [part: string]: unknown;
}

/** Ends of text by family, for models that come without a tokenizer_config.json. */
const COMMON_EOS = ['<|endoftext|>', '</s>', '<|end_of_text|>', '<eos>'];

/**
 * @throws AppError `model.unsupported` where the files are no JSON, or describe a tokenizer that is not known.
 */
export function createTokenizer(source: TokenizerSource): HfTokenizer {
  const document = parseTokenizerJson(source.tokenizerJson, 'tokenizer.json') as TokenizerDocument;
  const config = parseTokenizerJson(source.tokenizerConfigJson, 'tokenizer_config.json');
  return new HfTokenizer(document, config);
}

export class HfTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  /** What the model expects before a text of its own, usually the begin-of-text token; often empty. */
  readonly textPrefixIds: readonly number[];
  readonly #library: LibraryTokenizer;
  readonly #bytes: TokenBytes;
  readonly #added: ReadonlyMap<number, { special: boolean }>;
  readonly #bytesById = new Map<number, Uint8Array<ArrayBuffer>>();

  constructor(document: TokenizerDocument, config: Record<string, unknown>) {
    this.#library = libraryTokenizer(document, config, 'byte-level or SentencePiece-style BPE');
    this.#bytes = new TokenBytes(document.decoder ?? null);
    this.#added = new Map(
      (document.added_tokens ?? []).map(({ id, special }) => [id, { special: special ?? false }]),
    );
    this.vocabSize = highestId(this.#library) + 1;
    this.bosTokenId = this.#idOf(specialToken(config, 'bos_token'));
    this.eosTokenId =
      this.#idOf(specialToken(config, 'eos_token')) ??
      COMMON_EOS.map((token) => this.tokenToId(token)).find((id) => id !== null) ??
      null;
    this.textPrefixIds = this.#readTextPrefix(config);
  }

  encode(text: string): number[] {
    if (text === '') return [];
    const { ids } = this.#library.encode(text, { add_special_tokens: false });
    // The library gives no id for a character outside a vocabulary that has no unknown token.
    return ids.filter((id) => Number.isInteger(id));
  }

  decode(ids: readonly number[], options: { skipSpecialTokens?: boolean } = {}): string {
    const kept = options.skipSpecialTokens === true ? ids.filter((id) => !this.isSpecial(id)) : ids;
    return this.pieces(kept).join('');
  }

  tokenToId(token: string): number | null {
    return this.#library.token_to_id(token) ?? null;
  }

  isSpecial(id: number): boolean {
    return this.#added.get(id)?.special ?? false;
  }

  /** One piece of text for each id; they join to the whole. A character of several tokens belongs to its last one. */
  pieces(ids: readonly number[]): string[] {
    const decoder = new PieceDecoder((id) => this.#bytesOf(id), this.#bytes.leadingSpaces);
    const pieces = ids.map((id) => decoder.push(id));
    const rest = decoder.rest();
    if (rest !== '') pieces[pieces.length - 1] += rest;
    return pieces;
  }

  /** Special tokens are silent in a stream; half a character left at the end is dropped, not shown broken. */
  createDecodeStream(): DecodeStream {
    const decoder = new PieceDecoder((id) => this.#bytesOf(id), this.#bytes.leadingSpaces);
    return {
      push: (id) => (this.isSpecial(id) ? '' : decoder.push(id)),
      flush: () => {
        decoder.rest();
        return '';
      },
    };
  }

  #idOf(token: string | null): number | null {
    return token === null ? null : this.tokenToId(token);
  }

  #readTextPrefix(config: Record<string, unknown>): number[] {
    if (config['add_bos_token'] === false) return [];
    if (config['add_bos_token'] === true && this.bosTokenId !== null) return [this.bosTokenId];
    const [first] = this.#library.encode('a', { add_special_tokens: true }).ids;
    return first !== undefined && first === this.bosTokenId ? [first] : [];
  }

  #bytesOf(id: number): Uint8Array<ArrayBuffer> {
    const known = this.#bytesById.get(id);
    if (known !== undefined) return known;
    // Models may have more rows than the tokenizer has tokens; such an id stands for nothing.
    const token = this.#library.id_to_token(id);
    const bytes = token === undefined ? new Uint8Array(0) : this.#bytes.of(token, this.#added.has(id));
    this.#bytesById.set(id, bytes);
    return bytes;
  }
}

/** Bytes of tokens in, text out. */
class PieceDecoder {
  readonly #utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  readonly #bytesOf: (id: number) => Uint8Array<ArrayBuffer>;
  #leadingSpaces: number;

  constructor(bytesOf: (id: number) => Uint8Array<ArrayBuffer>, leadingSpaces: number) {
    this.#bytesOf = bytesOf;
    this.#leadingSpaces = leadingSpaces;
  }

  push(id: number): string {
    let text = this.#utf8.decode(this.#bytesOf(id), { stream: true });
    while (this.#leadingSpaces > 0 && text !== '') {
      if (!text.startsWith(' ')) {
        this.#leadingSpaces = 0;
        break;
      }
      text = text.slice(1);
      this.#leadingSpaces--;
    }
    return text;
  }

  /** The replacement character of a half character, or nothing. */
  rest(): string {
    return this.#utf8.decode();
  }
}
