// The keys under which GGUF keeps a tokenizer, and the numbers it gives to kinds of tokens.

export const TOKENIZER_KEYS = {
  model: 'tokenizer.ggml.model',
  pre: 'tokenizer.ggml.pre',
  tokens: 'tokenizer.ggml.tokens',
  types: 'tokenizer.ggml.token_type',
  scores: 'tokenizer.ggml.scores',
  merges: 'tokenizer.ggml.merges',
  bos: 'tokenizer.ggml.bos_token_id',
  eos: 'tokenizer.ggml.eos_token_id',
  eot: 'tokenizer.ggml.eot_token_id',
  unknown: 'tokenizer.ggml.unknown_token_id',
  padding: 'tokenizer.ggml.padding_token_id',
  addBos: 'tokenizer.ggml.add_bos_token',
  addEos: 'tokenizer.ggml.add_eos_token',
  addSpacePrefix: 'tokenizer.ggml.add_space_prefix',
  chatTemplate: 'tokenizer.chat_template',
  /** The whole tokenizer.json, where a writer was kind enough. */
  huggingFace: 'tokenizer.huggingface.json',
} as const;

/** llama_token_type. */
export const TOKEN_TYPES = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** Stands for a space in SentencePiece vocabularies. */
export const SPACE_MARK = '▁';

export const isByteToken = (token: string): boolean => /^<0x[0-9A-Fa-f]{2}>$/.test(token);
