// From the three files of a corpus folder to token streams: cleaning, splitting, training the tokenizer, encoding.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { Template } from '@huggingface/jinja';
import type { ChatTurn } from '../../src/lib/text/chat-template';
import type { TokenSources } from './batches';
import { trainBpe } from './bpe-trainer';
import { conversationsOf } from './conversations';
import { documentsOf, readAusten, readShakespeare, readSherlock, splitBook, type SplitBook } from './corpus';
import { CHAT_TEMPLATE, SPECIAL_TOKENS, tokenizerConfigJson, tokenizerJson } from './tokenizer-files';

export interface HeldOutText {
  name: string;
  stream: Int32Array;
  /** UTF-8 bytes of the text; the <|endoftext|> between documents adds none. */
  bytes: number;
}

export interface PreparedCorpus {
  tokenizerJson: object;
  tokenizerConfigJson: object;
  tokenizer: Tokenizer;
  sources: TokenSources;
  heldOut: HeldOutText[];
  statistics: {
    name: string;
    trainBytes: number;
    heldOutBytes: number;
    trainTokens: number;
    conversations: number;
  }[];
}

const SEED = 20260401;
const BYTE_TOKENS = 256;
const END_OF_TEXT = 0;

export function prepareCorpus(folder: string, vocabSize: number, contextLength: number): PreparedCorpus {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  const books = [
    readAusten(read('austen.txt')),
    readSherlock(read('sherlock.txt')),
    readShakespeare(read('tinyshakespeare.txt')),
  ].map(splitBook);
  const mergeCount = vocabSize - SPECIAL_TOKENS.length - BYTE_TOKENS;
  const vocabulary = trainBpe(
    books.flatMap((book) => documentsOf(book.train, book.kind)),
    mergeCount,
  );
  const files = {
    tokenizerJson: tokenizerJson(vocabulary),
    tokenizerConfigJson: tokenizerConfigJson(contextLength),
  };
  const encoder = new Encoder(files.tokenizerJson, files.tokenizerConfigJson);
  return { ...files, tokenizer: encoder.tokenizer, ...encodeBooks(books, encoder) };
}

function encodeBooks(
  books: readonly SplitBook[],
  encoder: Encoder,
): Pick<PreparedCorpus, 'sources' | 'heldOut' | 'statistics'> {
  const prose: number[] = [];
  const play: number[] = [];
  const chat: number[][] = [];
  const heldOut: HeldOutText[] = [];
  const statistics: PreparedCorpus['statistics'] = [];
  for (const book of books) {
    const documents = documentsOf(book.train, book.kind);
    const ids = encoder.stream(documents);
    for (const id of ids) (book.kind === 'prose' ? prose : play).push(id);
    const conversations = conversationsOf(book.train, book.kind, SEED);
    chat.push(...conversations.map((turns) => encoder.conversation(turns)));
    const held = documentsOf(book.heldOut, book.kind);
    heldOut.push({ name: book.name, stream: Int32Array.from(encoder.stream(held)), bytes: byteLength(held) });
    statistics.push({
      name: book.name,
      trainBytes: byteLength(documents),
      heldOutBytes: byteLength(held),
      trainTokens: ids.length,
      conversations: conversations.length,
    });
  }
  return {
    sources: { prose: Int32Array.from(prose), play: Int32Array.from(play), chat },
    heldOut,
    statistics,
  };
}

function byteLength(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

/** Encodes paragraph by paragraph, which gives the same ids as the whole text and remembers nothing long. */
class Encoder {
  readonly tokenizer: Tokenizer;
  readonly #template = new Template(CHAT_TEMPLATE);

  constructor(json: object, config: object) {
    this.tokenizer = new Tokenizer(json, config);
  }

  stream(documents: readonly string[]): number[] {
    return documents.flatMap((document) => [END_OF_TEXT, ...this.#encode(document)]);
  }

  conversation(turns: readonly ChatTurn[]): number[] {
    return this.#encode(this.#template.render({ messages: turns, add_generation_prompt: false }));
  }

  /** @throws where decoding does not give the text back: the tokenizer must lose nothing. */
  #encode(text: string): number[] {
    const ids = this.tokenizer.encode(text, { add_special_tokens: false }).ids;
    if (this.tokenizer.decode(ids, { skip_special_tokens: false }) !== text) {
      throw new Error(`The tokenizer does not give back "${text.slice(0, 60)}".`);
    }
    return ids;
  }
}
