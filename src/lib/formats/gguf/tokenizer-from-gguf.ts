// A tokenizer.json and tokenizer_config.json rebuilt from GGUF's metadata, so that the project's one tokenizer runs them.
// What GGUF does not keep is lost: whether an added token swallows the spaces beside it. A file that carries its
// tokenizer.json whole loses nothing.
import type { TokenizerSource } from '../../text/hf-tokenizer';
import { parseTokenizerJson } from '../../text/tokenizer-config';
import { unsupportedGguf } from './gguf-faults';
import { mergesOfScores, type Merge } from './gguf-merges';
import { preTokenizerNamed } from './gguf-pre-tokenizers';
import type { GgufMetadata } from './gguf-types';
import { ggufFlag, ggufNumber, ggufNumbers, ggufText, ggufTexts } from './gguf-values';
import { isByteToken, SPACE_MARK, TOKEN_TYPES, TOKENIZER_KEYS as KEYS } from './gguf-vocabulary';

const REMEDY = 'Use an unchanged conversion of the model, or its safetensors files.';

interface Vocabulary {
  tokens: readonly string[];
  types: readonly number[];
}

/** The parts of a tokenizer.json that differ between the kinds of vocabulary, and whether a text begins with bos. */
interface Rebuilt {
  parts: Record<string, unknown>;
  addsBos: boolean;
}

/** @throws AppError `model.unsupported` naming the key that is missing, wrong or unknown. */
export function tokenizerOfGguf(metadata: GgufMetadata): TokenizerSource {
  const vocabulary = readVocabulary(metadata);
  const whole = ggufText(metadata, KEYS.huggingFace);
  const addBos = ggufFlag(metadata, KEYS.addBos);
  if (whole !== null) {
    checkSameTokens(whole, vocabulary);
    return { tokenizerJson: whole, tokenizerConfigJson: configOf(metadata, vocabulary, addBos) };
  }
  const { parts, addsBos } = rebuild(metadata, vocabulary);
  const withBos = addBos ?? addsBos;
  const bos = tokenAt(metadata, KEYS.bos, vocabulary);
  const document = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    post_processor: withBos ? bosProcessor(bos, ggufNumber(metadata, KEYS.bos)) : null,
    ...parts,
  };
  return {
    tokenizerJson: JSON.stringify(document),
    tokenizerConfigJson: configOf(metadata, vocabulary, withBos),
  };
}

/** The two vocabularies of one file must be one. */
function checkSameTokens(json: string, { tokens }: Vocabulary): void {
  const { model } = parseTokenizerJson(json, KEYS.huggingFace);
  const vocab = typeof model === 'object' && model !== null && 'vocab' in model ? model.vocab : null;
  for (const [token, id] of Object.entries(vocab ?? {}) as [string, unknown][]) {
    if (typeof id === 'number' && tokens[id] === token) continue;
    throw unsupportedGguf(
      `${KEYS.huggingFace} gives ${JSON.stringify(token)} the id ${String(id)}, which ${KEYS.tokens} does not`,
      REMEDY,
    );
  }
}

function readVocabulary(metadata: GgufMetadata): Vocabulary {
  const tokens = ggufTexts(metadata, KEYS.tokens);
  if (tokens === null || tokens.length === 0) throw unsupportedGguf(`${KEYS.tokens} is missing`, REMEDY);
  const types = ggufNumbers(metadata, KEYS.types) ?? tokens.map(() => TOKEN_TYPES.normal);
  checkLength(KEYS.types, types, tokens);
  return { tokens, types };
}

function checkLength(key: string, values: readonly unknown[], tokens: readonly string[]): void {
  if (values.length === tokens.length) return;
  throw unsupportedGguf(`${key} has ${values.length} values for ${tokens.length} tokens`, REMEDY, { key });
}

function rebuild(metadata: GgufMetadata, vocabulary: Vocabulary): Rebuilt {
  const model = ggufText(metadata, KEYS.model);
  switch (model) {
    case 'gpt2':
      return byteLevelParts(metadata, vocabulary);
    case 'llama':
      return sentencePieceParts(metadata, vocabulary);
    default:
      throw unsupportedGguf(
        model === null ? `${KEYS.model} is missing` : `${KEYS.model} is ${model}; gpt2 and llama can be read`,
        'Use a model with a byte-level or SentencePiece-style BPE tokenizer.',
        { model },
      );
  }
}

/** Of a token that is there twice, the first id counts. */
function idsByToken({ tokens }: Vocabulary): Record<string, number> {
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (!ids.has(token)) ids.set(token, id);
  });
  return Object.fromEntries(ids);
}

function readMerges(metadata: GgufMetadata): Merge[] | null {
  const merges = ggufTexts(metadata, KEYS.merges);
  if (merges === null || merges.length === 0) return null;
  return merges.map((merge, place) => {
    const space = merge.indexOf(' ', 1);
    if (space < 1 || space === merge.length - 1) {
      throw unsupportedGguf(`merge ${place} is ${JSON.stringify(merge)}, not two tokens`, REMEDY);
    }
    return [merge.slice(0, space), merge.slice(space + 1)];
  });
}

function bpeModel(vocabulary: Vocabulary, merges: Merge[], options: Record<string, unknown>): object {
  const absent = { dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null };
  return { type: 'BPE', ...absent, ...options, vocab: idsByToken(vocabulary), merges };
}

function byteLevelParts(metadata: GgufMetadata, vocabulary: Vocabulary): Rebuilt {
  const rules = preTokenizerNamed(ggufText(metadata, KEYS.pre));
  const merges = readMerges(metadata);
  if (merges === null) throw unsupportedGguf(`${KEYS.merges} is missing`, REMEDY);
  const model = bpeModel(vocabulary, merges, {
    unk_token: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: rules.ignoreMerges,
  });
  const { normalizer, preTokenizer, addsBos } = rules;
  const decoder = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return { parts: { normalizer, pre_tokenizer: preTokenizer, decoder, model }, addsBos };
}

function sentencePieceParts(metadata: GgufMetadata, vocabulary: Vocabulary): Rebuilt {
  const prefix = ggufFlag(metadata, KEYS.addSpacePrefix) ?? true;
  const unknown = tokenAt(metadata, KEYS.unknown, vocabulary);
  const model = bpeModel(vocabulary, readMerges(metadata) ?? scoredMerges(metadata, vocabulary), {
    unk_token: unknown ?? vocabulary.tokens[vocabulary.types.indexOf(TOKEN_TYPES.unknown)] ?? null,
    fuse_unk: true,
    byte_fallback: vocabulary.tokens.some(isByteToken),
    ignore_merges: false,
  });
  const toMark = { type: 'Replace', pattern: { String: ' ' }, content: SPACE_MARK };
  const toSpace = { type: 'Replace', pattern: { String: SPACE_MARK }, content: ' ' };
  const normalizers = prefix ? [{ type: 'Prepend', prepend: SPACE_MARK }, toMark] : [toMark];
  const strip = prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : [];
  const parts = {
    normalizer: { type: 'Sequence', normalizers },
    pre_tokenizer: null,
    decoder: { type: 'Sequence', decoders: [toSpace, { type: 'ByteFallback' }, { type: 'Fuse' }, ...strip] },
    model,
  };
  return { parts, addsBos: true };
}

function scoredMerges(metadata: GgufMetadata, { tokens, types }: Vocabulary): Merge[] {
  const scores = ggufNumbers(metadata, KEYS.scores);
  if (scores === null) throw unsupportedGguf(`${KEYS.scores} is missing`, REMEDY);
  checkLength(KEYS.scores, scores, tokens);
  const scored = new Map<string, number>();
  tokens.forEach((token, id) => {
    if (types[id] === TOKEN_TYPES.normal) scored.set(token, scores[id] ?? 0);
  });
  if (scored.size > 1 && new Set(scored.values()).size === 1) {
    throw unsupportedGguf(
      `all ${scored.size} tokens have the same score, so their merges have no order`,
      REMEDY,
    );
  }
  return mergesOfScores(scored);
}

/** Tokens that text is searched for before anything else. */
function addedTokens({ tokens, types }: Vocabulary): object[] {
  const searched: readonly number[] = [TOKEN_TYPES.unknown, TOKEN_TYPES.control, TOKEN_TYPES.userDefined];
  return tokens.flatMap((content, id) => {
    const type = types[id] ?? TOKEN_TYPES.normal;
    if (!searched.includes(type) || content === '') return [];
    const special = type !== TOKEN_TYPES.userDefined;
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
}

/** null where there is no such key. @throws AppError `model.unsupported` for an id without a token. */
function tokenAt(metadata: GgufMetadata, key: string, { tokens }: Vocabulary): string | null {
  const id = ggufNumber(metadata, key);
  if (id === null) return null;
  const token = tokens[id];
  if (token === undefined) {
    throw unsupportedGguf(`${key} is ${id}, the vocabulary has ${tokens.length} tokens`, REMEDY, { key, id });
  }
  return token;
}

function bosProcessor(bos: string | null, id: number | null): object | null {
  if (bos === null || id === null) return null;
  const special = { SpecialToken: { id: bos, type_id: 0 } };
  const single = [special, { Sequence: { id: 'A', type_id: 0 } }];
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: { [bos]: { id: bos, ids: [id], tokens: [bos] } },
  };
}

/** tokenizer_config.json. */
function configOf(metadata: GgufMetadata, vocabulary: Vocabulary, addBos: boolean | null): string {
  const template = ggufText(metadata, KEYS.chatTemplate);
  const addEos = ggufFlag(metadata, KEYS.addEos);
  return JSON.stringify({
    bos_token: tokenAt(metadata, KEYS.bos, vocabulary),
    eos_token: tokenAt(metadata, KEYS.eos, vocabulary),
    unk_token: tokenAt(metadata, KEYS.unknown, vocabulary),
    pad_token: tokenAt(metadata, KEYS.padding, vocabulary),
    ...(addBos === null ? {} : { add_bos_token: addBos }),
    ...(addEos === null ? {} : { add_eos_token: addEos }),
    clean_up_tokenization_spaces: false,
    ...(template === null ? {} : { chat_template: template }),
  });
}
