// What bytes each token stands for, read off a tokenizer.json's decoder. Working on bytes instead of on decoded text is
// what lets a stream hold back half a character and lets a piece of text be given to each token exactly.
// It knows the decoders of language models (byte-level BPE, SentencePiece-style BPE with byte fallback); others are refused.
import { AppError } from '../errors';

export interface DecoderSpec {
  type: string;
  decoders?: DecoderSpec[];
  pattern?: { String?: string };
  content?: string;
  start?: number;
  replacement?: string;
  prepend_scheme?: string;
  add_prefix_space?: boolean;
}

interface DecoderRules {
  byteLevel: boolean;
  byteFallback: boolean;
  replacements: [from: string, to: string][];
  /** Spaces cut off at the start of a text. */
  leadingSpaces: number;
}

/** The printable stand-ins of GPT-2's byte-level alphabet, by character. */
const BYTE_OF_CHARACTER = byteLevelAlphabet();
const utf8 = new TextEncoder();

export class TokenBytes {
  readonly leadingSpaces: number;
  readonly #rules: DecoderRules;

  /** @throws AppError `model.unsupported` naming a decoder that is not known. */
  constructor(decoder: DecoderSpec | null) {
    this.#rules = readRules(decoder);
    this.leadingSpaces = this.#rules.leadingSpaces;
  }

  /** @param literal added tokens stand for their own text, outside the byte-level alphabet. */
  of(token: string, literal: boolean): Uint8Array<ArrayBuffer> {
    const { byteLevel, byteFallback, replacements } = this.#rules;
    if (byteLevel && !literal) return fromAlphabet(token);
    if (byteFallback && /^<0x[0-9A-Fa-f]{2}>$/.test(token))
      return Uint8Array.of(parseInt(token.slice(3, 5), 16));
    let text = token;
    for (const [from, to] of replacements) text = text.replaceAll(from, to);
    return utf8.encode(text);
  }
}

function readRules(decoder: DecoderSpec | null): DecoderRules {
  const rules: DecoderRules = { byteLevel: false, byteFallback: false, replacements: [], leadingSpaces: 0 };
  for (const spec of flatten(decoder)) applySpec(spec, rules);
  return rules;
}

function flatten(spec: DecoderSpec | null): DecoderSpec[] {
  if (spec === null) return [];
  return spec.type === 'Sequence' ? (spec.decoders ?? []).flatMap(flatten) : [spec];
}

function applySpec(spec: DecoderSpec, rules: DecoderRules): void {
  switch (spec.type) {
    case 'ByteLevel':
      rules.byteLevel = true;
      return;
    case 'ByteFallback':
      rules.byteFallback = true;
      return;
    case 'Fuse':
      return;
    case 'Replace':
      rules.replacements.push([spec.pattern?.String ?? '', spec.content ?? '']);
      return;
    case 'Strip':
      rules.leadingSpaces = spec.start ?? 0;
      return;
    case 'Metaspace':
      rules.replacements.push([spec.replacement ?? '▁', ' ']);
      rules.leadingSpaces = spec.prepend_scheme === 'never' || spec.add_prefix_space === false ? 0 : 1;
      return;
    default:
      throw new AppError('model.unsupported', `The tokenizer's decoder "${spec.type}" is not known.`, {
        remedy: 'Use a model with a byte-level or SentencePiece-style BPE tokenizer.',
        details: { decoder: spec.type },
      });
  }
}

function fromAlphabet(token: string): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTE_OF_CHARACTER.get(character);
    if (byte === undefined) bytes.push(...utf8.encode(character));
    else bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

/** GPT-2's `bytes_to_unicode`: printable Latin-1 bytes stand for themselves, the rest for U+0100 onwards in order. */
function byteLevelAlphabet(): Map<string, number> {
  const characters = new Map<string, number>();
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    characters.set(String.fromCharCode(printable ? byte : next++), byte);
  }
  return characters;
}
