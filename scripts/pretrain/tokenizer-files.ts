// tokenizer.json and tokenizer_config.json of the embedded model, as the Hugging Face hub lays them out.
import type { BpeVocabulary } from './bpe-trainer';

/** Ids 0 to 4. The first one parts documents, the last one ends a turn. */
export const SPECIAL_TOKENS = [
  '<|endoftext|>',
  '<|system|>',
  '<|user|>',
  '<|assistant|>',
  '<|end|>',
] as const;

export const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|' + message['role'] + '|>' + (message['content'] | trim) + '<|end|>' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

const ADDED_TOKEN = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };

const BYTE_LEVEL = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

export function tokenizerJson(vocabulary: BpeVocabulary): object {
  const tokens = [...SPECIAL_TOKENS, ...vocabulary.tokens];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL_TOKENS.map((content, id) => ({ id, content, ...ADDED_TOKEN })),
    normalizer: null,
    pre_tokenizer: BYTE_LEVEL,
    post_processor: null,
    decoder: BYTE_LEVEL,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: vocabulary.merges,
    },
  };
}

export function tokenizerConfigJson(contextLength: number): object {
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: contextLength,
    add_bos_token: false,
    add_eos_token: false,
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
    bos_token: '<|endoftext|>',
    eos_token: '<|end|>',
    pad_token: '<|endoftext|>',
    unk_token: null,
    added_tokens_decoder: Object.fromEntries(
      SPECIAL_TOKENS.map((content, id) => [String(id), { content, ...ADDED_TOKEN }]),
    ),
    chat_template: CHAT_TEMPLATE,
  };
}
