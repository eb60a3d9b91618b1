// A tokenizer.json and tokenizer_config.json as GGUF's metadata, such as llama.cpp reads it: byte-level BPE as `gpt2` with
// merges, SentencePiece-style BPE as `llama` with scores made from its merges.
import { createTokenizer, type HfTokenizer, type TokenizerSource } from '../../text/hf-tokenizer';
import { parseTokenizerJson, specialToken } from '../../text/tokenizer-config';
import { unsupportedGguf } from './gguf-faults';
import { scoresOfMerges, type Merge } from './gguf-merges';
import { nameOfPreTokenizer } from './gguf-pre-tokenizers';
import type { GgufValue } from './gguf-types';
import { isByteToken, SPACE_MARK, TOKEN_TYPES, TOKENIZER_KEYS as KEYS } from './gguf-vocabulary';

const REMEDY = 'Export as safetensors, which keeps tokenizer.json as it is.';

export interface GgufTokenizerOptions {
  /** Rows of the embedding; ids without a token are filled up. */
  vocabSize: number;
  /** Puts tokenizer.json into the file as well, so that nothing of it is lost when it is read again. Default true. */
  embedJson?: boolean;
}

interface Vocabulary {
  tokens: string[];
  types: number[];
}

type Json = Record<string, unknown>;

/** @throws AppError `model.unsupported` where GGUF has no form for the tokenizer, or it has more tokens than the model. */
export function ggufTokenizerOf(
  source: TokenizerSource,
  options: GgufTokenizerOptions,
): Map<string, GgufValue> {
  const tokenizer = createTokenizer(source);
  const document = parseTokenizerJson(source.tokenizerJson, 'tokenizer.json');
  const config = parseTokenizerJson(source.tokenizerConfigJson, 'tokenizer_config.json');
  const model = recordOf(document['model']);
  if (model['type'] !== undefined && model['type'] !== 'BPE') {
    throw unsupportedGguf(`its tokenizer is ${text(model['type'])}, BPE can be written`, REMEDY);
  }
  const vocabulary = vocabularyOf(document, model, options.vocabSize);
  const merges = mergesOf(model['merges']);
  const byteLevel = JSON.stringify(document['decoder'] ?? null).includes('"ByteLevel"');
  const metadata = byteLevel
    ? byteLevelKeys(document, vocabulary, merges)
    : sentencePieceKeys(document, vocabulary, merges);
  addSpecials(metadata, tokenizer, config);
  if (options.embedJson !== false)
    metadata.set(KEYS.huggingFace, { type: 'string', value: source.tokenizerJson });
  return metadata;
}

function recordOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function vocabularyOf(document: Json, model: Json, vocabSize: number): Vocabulary {
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`);
  const types = tokens.map((): number => TOKEN_TYPES.unused);
  const put = (token: string, id: unknown, type: number): void => {
    if (typeof id !== 'number' || tokens[id] === undefined) {
      throw unsupportedGguf(
        `its token ${JSON.stringify(token)} has the id ${text(id)} of ${vocabSize}`,
        REMEDY,
      );
    }
    tokens[id] = token;
    types[id] = type;
  };
  const bytes = model['byte_fallback'] === true;
  for (const [token, id] of Object.entries(recordOf(model['vocab']))) {
    put(token, id, bytes && isByteToken(token) ? TOKEN_TYPES.byte : TOKEN_TYPES.normal);
  }
  const added = Array.isArray(document['added_tokens']) ? document['added_tokens'].map(recordOf) : [];
  for (const { content, id, special } of added) {
    put(text(content), id, special === true ? TOKEN_TYPES.control : TOKEN_TYPES.userDefined);
  }
  const unknown = tokens.indexOf(text(model['unk_token'] ?? ''));
  if (unknown >= 0) types[unknown] = TOKEN_TYPES.unknown;
  return { tokens, types };
}

/** Pairs, or in older files two tokens with a space between. */
function mergesOf(value: unknown): Merge[] {
  return (Array.isArray(value) ? value : []).map((merge: unknown): Merge => {
    const parts: unknown[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    const [left, right] = parts;
    if (parts.length === 2 && typeof left === 'string' && typeof right === 'string') return [left, right];
    throw unsupportedGguf(`its merge ${text(merge)} is not two tokens`, REMEDY);
  });
}

function commonKeys(model: string, pre: string, { tokens, types }: Vocabulary): Map<string, GgufValue> {
  return new Map<string, GgufValue>([
    [KEYS.model, { type: 'string', value: model }],
    [KEYS.pre, { type: 'string', value: pre }],
    [KEYS.tokens, { type: 'array', of: 'string', values: tokens }],
    [KEYS.types, { type: 'array', of: 'int32', values: types }],
  ]);
}

function byteLevelKeys(
  document: Json,
  vocabulary: Vocabulary,
  merges: readonly Merge[],
): Map<string, GgufValue> {
  const pre = nameOfPreTokenizer(document['pre_tokenizer'], document['normalizer']);
  const metadata = commonKeys('gpt2', pre, vocabulary);
  const spaced = merges.find((merge) => merge.some((token) => token.includes(' ')));
  if (spaced !== undefined)
    throw unsupportedGguf(`its merge ${JSON.stringify(spaced)} has a space in it`, REMEDY);
  const values = merges.map(([left, right]) => `${left} ${right}`);
  return metadata.set(KEYS.merges, { type: 'array', of: 'string', values });
}

/** @throws AppError `model.unsupported` unless spaces become U+2581 and nothing else happens to text. */
function sentencePieceKeys(
  document: Json,
  vocabulary: Vocabulary,
  merges: readonly Merge[],
): Map<string, GgufValue> {
  const prefix = addsSpacePrefix(document);
  const metadata = commonKeys('llama', 'default', vocabulary);
  const scores = scoresOfMerges(merges);
  // What no merge makes is never a result; it comes after all that is.
  const values = vocabulary.tokens.map((token, id) =>
    vocabulary.types[id] === TOKEN_TYPES.normal ? (scores.get(token) ?? -merges.length - id) : 0,
  );
  metadata.set(KEYS.scores, { type: 'array', of: 'float32', values });
  return metadata.set(KEYS.addSpacePrefix, { type: 'bool', value: prefix });
}

function flatten(part: unknown, children: string): Json[] {
  const record = recordOf(part);
  const inner = record[children];
  return Array.isArray(inner) ? inner.flatMap((child) => flatten(child, children)) : part ? [record] : [];
}

function addsSpacePrefix(document: Json): boolean {
  const steps = [
    ...flatten(document['normalizer'], 'normalizers'),
    ...flatten(document['pre_tokenizer'], 'pretokenizers'),
  ];
  let prefix = false;
  for (const step of steps) {
    const { type } = step;
    if (type === 'Prepend' && step['prepend'] === SPACE_MARK) prefix = true;
    else if (type === 'Metaspace')
      prefix = step['prepend_scheme'] !== 'never' && step['add_prefix_space'] !== false;
    else if (
      type !== 'Replace' ||
      recordOf(step['pattern'])['String'] !== ' ' ||
      step['content'] !== SPACE_MARK
    ) {
      throw unsupportedGguf(`its tokenizer has the step ${text(type)}, which GGUF has no form for`, REMEDY);
    }
  }
  return prefix;
}

function addSpecials(metadata: Map<string, GgufValue>, tokenizer: HfTokenizer, config: Json): void {
  const idOf = (key: string): number | null => {
    const token = specialToken(config, key);
    return token === null ? null : tokenizer.tokenToId(token);
  };
  const ids: [key: string, id: number | null][] = [
    [KEYS.bos, tokenizer.bosTokenId],
    [KEYS.eos, tokenizer.eosTokenId],
    [KEYS.unknown, idOf('unk_token')],
    [KEYS.padding, idOf('pad_token')],
  ];
  for (const [key, value] of ids) if (value !== null) metadata.set(key, { type: 'uint32', value });
  metadata.set(KEYS.addBos, { type: 'bool', value: tokenizer.textPrefixIds.length > 0 });
  const template = config['chat_template'];
  if (typeof template === 'string') metadata.set(KEYS.chatTemplate, { type: 'string', value: template });
}
