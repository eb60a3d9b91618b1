// A decoder's numbers between GGUF's metadata and config.json. What the metadata says that no family here can do is refused by
// name; what it does not say is what llama.cpp takes for it.
import { unsupportedGguf } from '../../../lib/formats/gguf/gguf-faults';
import type { GgufHeader, GgufMetadata, GgufValue } from '../../../lib/formats/gguf/gguf-types';
import { ggufNumber, ggufNumbers, ggufText, ggufTexts } from '../../../lib/formats/gguf/gguf-values';
import type { GgufForm } from './gguf-form';
import { GGUF_EMBEDDING, GGUF_HEAD } from './gguf-names';
import { scalingOfFactors } from './gguf-rope';
import { traitsOf, type DecoderConfig, type RopeScaling } from '../decoder-config';

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

class ArchitectureKeys {
  readonly #metadata: GgufMetadata;
  readonly #architecture: string;

  constructor(metadata: GgufMetadata, architecture: string) {
    this.#metadata = metadata;
    this.#architecture = architecture;
  }

  name(key: string): string {
    return `${this.#architecture}.${key}`;
  }

  optional(key: string): number | null {
    const value = ggufNumber(this.#metadata, this.name(key));
    return value === null ? null : shortest(value);
  }

  required(key: string): number {
    const value = this.optional(key);
    if (value === null) throw unsupportedGguf(`${this.name(key)} is missing`, OTHER_FILE, { key });
    return value;
  }

  /** A number, or one for each layer that must be the same for all. */
  uniform(key: string): number | null {
    const name = this.name(key);
    if (this.#metadata.get(name)?.type !== 'array') return this.optional(key);
    const values = ggufNumbers(this.#metadata, name) ?? [];
    if (new Set(values).size === 1) return values[0] ?? null;
    throw unsupportedGguf(`${name} differs from layer to layer (${values.join(', ')})`, OTHER_FILE, { key });
  }

  /** Refuses a value that the family has no place for. */
  expect(key: string, expected: number): void {
    const value = this.optional(key);
    if (value === null || value === expected) return;
    throw unsupportedGguf(`${this.name(key)} is ${value}, only ${expected} can be used`, OTHER_FILE, {
      key,
    });
  }
}

/** @throws AppError `model.unsupported` naming the architecture and those that can be read. */
export function ggufFormOf(metadata: GgufMetadata, forms: readonly GgufForm[]): GgufForm {
  const architecture = ggufText(metadata, 'general.architecture');
  const form = forms.find((other) => other.architecture === architecture);
  if (form !== undefined) return form;
  const known = forms.map((other) => other.architecture).join(', ');
  throw unsupportedGguf(
    architecture === null
      ? 'general.architecture is missing'
      : `its architecture is ${architecture}; those that can be read are ${known}`,
    'Use a model of one of these architectures.',
    { architecture },
  );
}

function scalingOf(
  keys: ArchitectureKeys,
  metadata: GgufMetadata,
  rotary: { headSize: number; ropeTheta: number },
  factors: Float32Array | null,
): RopeScaling | null {
  const type = ggufText(metadata, keys.name('rope.scaling.type')) ?? 'none';
  const factor = keys.optional('rope.scaling.factor') ?? keys.optional('rope.scale_linear');
  if (type !== 'none' && type !== 'linear') {
    throw unsupportedGguf(`its rotary scaling is ${type}; linear and llama3 can be used`, OTHER_FILE, {
      type,
    });
  }
  const linear =
    factor !== null && factor !== 1 && (type === 'linear' || !metadata.has(keys.name('rope.scaling.type')));
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
function vocabSizeOf({ metadata, tensors }: GgufHeader, keys: ArchitectureKeys): number {
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
export function configJsonOfGguf(
  header: GgufHeader,
  form: GgufForm,
  factors: Float32Array | null,
): Record<string, unknown> {
  const { metadata, tensors } = header;
  const keys = new ArchitectureKeys(metadata, form.architecture);
  const heads = keys.uniform('attention.head_count');
  if (heads === null) throw unsupportedGguf(`${keys.name('attention.head_count')} is missing`, OTHER_FILE);
  const hiddenSize = keys.required('embedding_length');
  const headSize = keys.optional('attention.key_length') ?? hiddenSize / heads;
  const ropeTheta = keys.optional('rope.freq_base') ?? 10_000;
  keys.expect('attention.value_length', headSize);
  keys.expect('rope.dimension_count', headSize);
  keys.expect('expert_count', 0);
  const slidingWindow = keys.optional('attention.sliding_window');
  const common = {
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
    rms_norm_eps: keys.required(form.epsilonKey),
    tie_word_embeddings: !tensors.has(GGUF_HEAD),
    eos_token_id: stopTokens(metadata),
    ...(slidingWindow === null ? {} : { sliding_window: slidingWindow }),
  };
  return form.configJson(common, (key) => keys.optional(key));
}

/**
 * Metadata of the form's architecture. The tokenizer's keys are not among them; llama3 scaling goes into a tensor
 * (`ropeFactors`).
 * @throws AppError `model.unsupported` for a model that cannot be said in GGUF.
 */
export function ggufMetadataOf(
  config: DecoderConfig,
  { name, fileType }: { name: string; fileType: keyof typeof GGUF_FILE_TYPES },
  form: GgufForm,
): Map<string, GgufValue> {
  const { architecture } = form;
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: architecture }],
    ['general.type', { type: 'string', value: 'model' }],
    ['general.name', { type: 'string', value: name }],
    ['general.file_type', { type: 'uint32', value: GGUF_FILE_TYPES[fileType] }],
    ['general.quantization_version', { type: 'uint32', value: 2 }],
  ]);
  for (const [key, value] of sizesOf(config)) {
    metadata.set(`${architecture}.${key}`, { type: 'uint32', value });
  }
  metadata.set(`${architecture}.${form.epsilonKey}`, { type: 'float32', value: config.normEpsilon });
  for (const [key, value] of [...rotaryKeys(config), ...(form.metadata?.(config) ?? [])]) {
    metadata.set(`${architecture}.${key}`, value);
  }
  return metadata;
}

function sizesOf(config: DecoderConfig): [key: string, value: number][] {
  const { slidingWindow = null } = config;
  return [
    ['block_count', config.layers],
    ['context_length', config.contextLength],
    ['embedding_length', config.hiddenSize],
    ['feed_forward_length', config.intermediateSize],
    ['attention.head_count', config.heads],
    ['attention.head_count_kv', config.kvHeads],
    ['attention.key_length', config.headSize],
    ['attention.value_length', config.headSize],
    ['vocab_size', config.vocabSize],
    ...(slidingWindow === null ? [] : [['attention.sliding_window', slidingWindow] as [string, number]]),
  ];
}

function rotaryKeys(config: DecoderConfig): [key: string, value: GgufValue][] {
  if (traitsOf(config).positions === 'learned') return [];
  const { ropeScaling, ropeTheta, headSize } = config;
  const keys: [string, GgufValue][] = [
    ['rope.dimension_count', { type: 'uint32', value: headSize }],
    ['rope.freq_base', { type: 'float32', value: ropeTheta }],
  ];
  if (ropeScaling?.type !== 'linear') return keys;
  return [
    ...keys,
    ['rope.scaling.type', { type: 'string', value: 'linear' }],
    ['rope.scaling.factor', { type: 'float32', value: ropeScaling.factor }],
  ];
}
