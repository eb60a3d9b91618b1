// What of an ONNX model stands beside its graph: the context length, the size of the vocabulary, the tokens that end an answer.
// Any architecture's config.json is read; what it does not say is null.
export interface GraphConfig {
  contextLength: number | null;
  vocabSize: number | null;
  stopTokenIds: number[];
}

const CONTEXT_KEYS = [
  'max_position_embeddings',
  'n_positions',
  'n_ctx',
  'max_seq_len',
  'max_sequence_length',
  'seq_length',
];
/** Of a model whose files do not say it. */
export const DEFAULT_CONTEXT = 2048;
/** The same of one for embeddings. */
export const DEFAULT_TEXT = 512;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function readGraphConfig(json: unknown): GraphConfig {
  const whole = isObject(json) ? json : {};
  const text = isObject(whole['text_config']) ? whole['text_config'] : {};
  // What is of the text counts, where a model has more parts.
  const config = { ...whole, ...text };
  const lengths = CONTEXT_KEYS.map((key) => count(config[key])).filter((length) => length !== null);
  const ids = [config['eos_token_id'] ?? []].flat();
  return {
    contextLength: lengths[0] ?? null,
    vocabSize: count(config['vocab_size']),
    stopTokenIds: ids.filter((id): id is number => Number.isSafeInteger(id)),
  };
}

/** Keys and values of a token in all layers, by the names that most families have; 0 where they are called otherwise. */
export function cacheElements(json: unknown): number {
  if (!isObject(json)) return 0;
  const [layers, heads, hidden] = ['num_hidden_layers', 'num_attention_heads', 'hidden_size'].map((key) =>
    count(json[key]),
  );
  if (!layers || !heads || !hidden) return 0;
  const headSize = count(json['head_dim']) ?? hidden / heads;
  return 2 * layers * (count(json['num_key_value_heads']) ?? heads) * headSize;
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}
