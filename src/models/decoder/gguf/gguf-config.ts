// A Llama's numbers between GGUF's metadata and config.json. What the metadata says that this family cannot do is refused by
// name; what it does not say is what llama.cpp takes for it.
import { unsupportedGguf } from '../../../lib/formats/gguf/gguf-faults';
import type { GgufHeader, GgufMetadata, GgufValue } from '../../../lib/formats/gguf/gguf-types';
import { ggufNumber, ggufNumbers, ggufText, ggufTexts } from '../../../lib/formats/gguf/gguf-values';
import { GGUF_EMBEDDING, GGUF_HEAD } from './gguf-names';
import { scalingOfFactors } from './gguf-rope';
import type { DecoderConfig, RopeScaling } from '../decoder-config';

const ARCHITECTURE = 'llama';
const OTHER_FILE = "Use the model's safetensors files with their config.json.";

/** general.file_type (llama_ftype): the type of most of the file. */
export const GGUF_FILE_TYPES = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7 } as const;

/** A 32-bit float as the shortest decimal that is stored as it: 1e-5 instead of 0.000009999999747378752. */
function shortest(value: number): number {
  for (let digits = 1; digits < 10; digits += 1) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === Math.fround(value)) return candidate;
  }
  return value;
}

class LlamaKeys {
  readonly #metadata: GgufMetadata;

  constructor(metadata: GgufMetadata) {
    this.#metadata = metadata;
  }

  optional(key: string): number | null {
    const value = ggufNumber(this.#metadata, `${ARCHITECTURE}.${key}`);
    return value === null ? null : shortest(value);
  }

  required(key: string): number {
    const value = this.optional(key);
    if (value === null) throw unsupportedGguf(`${ARCHITECTURE}.${key} is missing`, OTHER_FILE, { key });
    return value;
  }

  /** A number, or one for each layer that must be the same for all. */
  uniform(key: string): number | null {
    const name = `${ARCHITECTURE}.${key}`;
    if (this.#metadata.get(name)?.type !== 'array') return this.optional(key);
    const values = ggufNumbers(this.#metadata, name) ?? [];
    if (new Set(values).size === 1) return values[0] ?? null;
    throw unsupportedGguf(`${name} differs from layer to layer (${values.join(', ')})`, OTHER_FILE, { key });
  }

  /** Refuses a value that the family has no place for. */
  expect(key: string, expected: number): void {
    const value = this.optional(key);
    if (value === null || value === expected) return;
    throw unsupportedGguf(`${ARCHITECTURE}.${key} is ${value}, only ${expected} can be used`, OTHER_FILE, {
      key,
    });
  }
}

/** @throws AppError `model.unsupported` naming the architecture and those that can be read. */
function checkArchitecture(metadata: GgufMetadata): void {
  const architecture = ggufText(metadata, 'general.architecture');
  if (architecture === ARCHITECTURE) return;
  throw unsupportedGguf(
    architecture === null
      ? 'general.architecture is missing'
      : `its architecture is ${architecture}; ${ARCHITECTURE} can be read`,
    'Use a model of the Llama family: Llama, SmolLM2, TinyLlama, Mistral.',
    { architecture },
  );
}

function scalingOf(
  keys: LlamaKeys,
  metadata: GgufMetadata,
  rotary: { headSize: number; ropeTheta: number },
  factors: Float32Array | null,
): RopeScaling | null {
  const type = ggufText(metadata, `${ARCHITECTURE}.rope.scaling.type`) ?? 'none';
  const factor = keys.optional('rope.scaling.factor') ?? keys.optional('rope.scale_linear');
  if (type !== 'none' && type !== 'linear') {
    throw unsupportedGguf(`its rotary scaling is ${type}; linear and llama3 can be used`, OTHER_FILE, {
      type,
    });
  }
  const linear =
    factor !== null && factor !== 1 && (type === 'linear' || !metadata.has('llama.rope.scaling.type'));
  if (factors === null) return linear ? { type: 'linear', factor } : null;
  if (linear) throw unsupportedGguf('it scales positions and frequencies both', OTHER_FILE);
  return scalingOfFactors(rotary, factors);
}

function scalingJson(scaling: RopeScaling | null): Record<string, unknown> | null {
  if (scaling === null) return null;
  if (scaling.type === 'linear') return { rope_type: 'linear', factor: scaling.factor };
  return {
    rope_type: 'llama3',
    factor: scaling.factor,
    low_freq_factor: scaling.lowFrequencyFactor,
    high_freq_factor: scaling.highFrequencyFactor,
    original_max_position_embeddings: scaling.originalContextLength,
  };
}

/** Rows of the embedding, held against what the metadata says. */
function vocabSizeOf({ metadata, tensors }: GgufHeader, keys: LlamaKeys): number {
  const embedding = tensors.get(GGUF_EMBEDDING);
  if (embedding === undefined) throw unsupportedGguf(`${GGUF_EMBEDDING} is missing`, OTHER_FILE);
  const [rows = 0] = embedding.shape;
  const said = keys.optional('vocab_size');
  const tokens = ggufTexts(metadata, 'tokenizer.ggml.tokens')?.length ?? 0;
  if ((said !== null && said !== rows) || tokens > rows) {
    throw unsupportedGguf(
      `its embedding has ${rows} rows, its vocabulary ${Math.max(said ?? 0, tokens)} tokens`,
      'Use an unchanged file of the model.',
    );
  }
  return rows;
}

/** Ids that end an answer: of text, of a turn, of a message. */
function stopTokens(metadata: GgufMetadata): number[] {
  const ids = ['eos', 'eot', 'eom'].map((name) => ggufNumber(metadata, `tokenizer.ggml.${name}_token_id`));
  return [...new Set(ids.filter((id) => id !== null))];
}

/**
 * The config.json that Hugging Face's files of the same model would have.
 * @param factors of `rope_freqs.weight`, null where the file has none.
 * @throws AppError `model.unsupported` naming the key.
 */
export function configJsonOfGguf(header: GgufHeader, factors: Float32Array | null): Record<string, unknown> {
  const { metadata, tensors } = header;
  checkArchitecture(metadata);
  const keys = new LlamaKeys(metadata);
  const heads = keys.uniform('attention.head_count');
  if (heads === null) throw unsupportedGguf('llama.attention.head_count is missing', OTHER_FILE);
  const hiddenSize = keys.required('embedding_length');
  const headSize = keys.optional('attention.key_length') ?? hiddenSize / heads;
  const ropeTheta = keys.optional('rope.freq_base') ?? 10_000;
  keys.expect('attention.value_length', headSize);
  keys.expect('rope.dimension_count', headSize);
  keys.expect('expert_count', 0);
  const slidingWindow = keys.optional('attention.sliding_window');
  return {
    architectures: [slidingWindow === null ? 'LlamaForCausalLM' : 'MistralForCausalLM'],
    model_type: slidingWindow === null ? 'llama' : 'mistral',
    vocab_size: vocabSizeOf(header, keys),
    hidden_size: hiddenSize,
    num_hidden_layers: keys.required('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: keys.uniform('attention.head_count_kv') ?? heads,
    head_dim: headSize,
    intermediate_size: keys.uniform('feed_forward_length') ?? keys.required('feed_forward_length'),
    max_position_embeddings: keys.required('context_length'),
    rope_theta: ropeTheta,
    rope_scaling: scalingJson(scalingOf(keys, metadata, { headSize, ropeTheta }, factors)),
    rms_norm_eps: keys.required('attention.layer_norm_rms_epsilon'),
    tie_word_embeddings: !tensors.has(GGUF_HEAD),
    hidden_act: 'silu',
    eos_token_id: stopTokens(metadata),
    ...(slidingWindow === null ? {} : { sliding_window: slidingWindow }),
  };
}

/**
 * Metadata of the `llama` architecture. The tokenizer's keys are not among them; llama3 scaling goes into a tensor
 * (`ropeFactors`).
 */
export function ggufMetadataOf(
  config: DecoderConfig,
  { name, fileType }: { name: string; fileType: keyof typeof GGUF_FILE_TYPES },
): Map<string, GgufValue> {
  const { ropeScaling, slidingWindow = null } = config;
  const numbers: [key: string, value: number][] = [
    ['block_count', config.layers],
    ['context_length', config.contextLength],
    ['embedding_length', config.hiddenSize],
    ['feed_forward_length', config.intermediateSize],
    ['attention.head_count', config.heads],
    ['attention.head_count_kv', config.kvHeads],
    ['attention.key_length', config.headSize],
    ['attention.value_length', config.headSize],
    ['rope.dimension_count', config.headSize],
    ['vocab_size', config.vocabSize],
  ];
  if (slidingWindow !== null) numbers.push(['attention.sliding_window', slidingWindow]);
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: ARCHITECTURE }],
    ['general.type', { type: 'string', value: 'model' }],
    ['general.name', { type: 'string', value: name }],
    ['general.file_type', { type: 'uint32', value: GGUF_FILE_TYPES[fileType] }],
    ['general.quantization_version', { type: 'uint32', value: 2 }],
  ]);
  for (const [key, value] of numbers) metadata.set(`${ARCHITECTURE}.${key}`, { type: 'uint32', value });
  metadata.set('llama.rope.freq_base', { type: 'float32', value: config.ropeTheta });
  metadata.set('llama.attention.layer_norm_rms_epsilon', { type: 'float32', value: config.normEpsilon });
  if (ropeScaling?.type === 'linear') {
    metadata.set('llama.rope.scaling.type', { type: 'string', value: 'linear' });
    metadata.set('llama.rope.scaling.factor', { type: 'float32', value: ropeScaling.factor });
  }
  return metadata;
}
