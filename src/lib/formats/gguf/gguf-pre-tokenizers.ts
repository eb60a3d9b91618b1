// How text is cut into words before byte-level BPE, by the name that GGUF keeps of it (`tokenizer.ggml.pre`), as parts of a
// tokenizer.json. llama.cpp holds one regular expression for each name; a name that is not here would give other ids, so it
// is refused rather than guessed.
import { unsupportedGguf } from './gguf-faults';

export interface PreTokenizer {
  normalizer: Record<string, unknown> | null;
  preTokenizer: Record<string, unknown>;
  /** A word that is a token as it stands is not merged up from bytes. */
  ignoreMerges: boolean;
  /** Whether a text begins with the begin-of-text token where the file does not say. */
  addsBos: boolean;
}

const byteLevel = (useRegex: boolean): Record<string, unknown> => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});

const sequence = (...pretokenizers: Record<string, unknown>[]): Record<string, unknown> => ({
  type: 'Sequence',
  pretokenizers,
});

const split = (expression: string): Record<string, unknown> => ({
  type: 'Split',
  pattern: { Regex: expression },
  behavior: 'Isolated',
  invert: false,
});

/** The expression of tiktoken's cl100k, with the longest run of digits that is one word. */
const cl100k = (digits: string): string =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;

const GPT2: PreTokenizer = {
  normalizer: null,
  preTokenizer: byteLevel(true),
  ignoreMerges: false,
  addsBos: false,
};
const SINGLE_DIGITS: PreTokenizer = {
  ...GPT2,
  preTokenizer: sequence({ type: 'Digits', individual_digits: true }, byteLevel(true)),
};
const LLAMA3: PreTokenizer = {
  normalizer: null,
  preTokenizer: sequence(split(cl100k('\\p{N}{1,3}')), byteLevel(false)),
  ignoreMerges: true,
  addsBos: true,
};
const QWEN2: PreTokenizer = {
  normalizer: { type: 'NFC' },
  preTokenizer: sequence(split(cl100k('\\p{N}')), byteLevel(false)),
  ignoreMerges: false,
  addsBos: false,
};

/** Of names for the same, the first is the one written. */
const BY_NAME: ReadonlyMap<string, PreTokenizer> = new Map([
  ['gpt-2', GPT2],
  ['smollm', SINGLE_DIGITS],
  ['starcoder', SINGLE_DIGITS],
  ['refact', SINGLE_DIGITS],
  ['llama-bpe', LLAMA3],
  ['llama3', LLAMA3],
  ['llama-v3', LLAMA3],
  ['qwen2', QWEN2],
  ['deepseek-r1-qwen', QWEN2],
]);

/** @throws AppError `model.unsupported` naming those that are known. */
export function preTokenizerNamed(name: string | null): PreTokenizer {
  const found = name === null ? undefined : BY_NAME.get(name);
  if (found !== undefined) return found;
  const fact = name === null ? 'tokenizer.ggml.pre is missing' : `tokenizer.ggml.pre is ${name}`;
  throw unsupportedGguf(
    `${fact}; ${[...BY_NAME.keys()].join(', ')} are known`,
    'Put the tokenizer.json of the original model beside the file, or use a newer conversion of it.',
    { pre: name },
  );
}

/** What decides how text is cut, without what only moves offsets. */
function essence(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(essence);
  if (typeof part !== 'object' || part === null) return part;
  const { trim_offsets: _offsets, invert: _invert, ...rest } = part as Record<string, unknown>;
  const sorted = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([key, value]) => [key, essence(value)]);
}

/** The name for a tokenizer.json's parts. @throws AppError `model.unsupported` where llama.cpp has none that is known here. */
export function nameOfPreTokenizer(preTokenizer: unknown, normalizer: unknown): string {
  const wanted = JSON.stringify(essence([preTokenizer, normalizer ?? null]));
  for (const [name, known] of BY_NAME) {
    if (JSON.stringify(essence([known.preTokenizer, known.normalizer])) === wanted) return name;
  }
  throw unsupportedGguf(
    `the way its tokenizer cuts words has no name in GGUF that is known (${[...BY_NAME.keys()].join(', ')})`,
    'Export as safetensors, or convert those with the tools of llama.cpp.',
  );
}
