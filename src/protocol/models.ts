// Models and adapters as every realm knows them. Records live in the `models` and `adapters` stores of core/database.

export type ModelFamily = 'llama' | 'qwen2' | 'qwen3' | 'gemma3' | 'phi3' | 'gpt2';

/** Where the files of a model lie: under a URL of this site, or under a folder of the blob store. */
export type ModelLocation = { kind: 'url'; baseUrl: string } | { kind: 'blob'; folder: string };

export interface ModelRecord {
  id: string;
  name: string;
  family: ModelFamily;
  /** Number of weights. */
  parameters: number;
  sizeBytes: number;
  /** Storage type of the weights file, as safetensors writes it. */
  dtype: 'F32' | 'F16' | 'BF16';
  /** Tokens. */
  contextLength: number;
  license: string | null;
  origin: 'embedded' | 'imported' | 'tuned';
  /** SHA-256 (hex) of the weights file: what an adapter and a cache entry are bound to. */
  fingerprint: string;
  location: ModelLocation;
  /** Milliseconds since the epoch. */
  installedAt: number;
}

/** Projections that LoRA can be put on, by their Hugging Face names without `_proj`. */
export const LORA_TARGETS = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;
export type LoraTarget = (typeof LORA_TARGETS)[number];

export interface LoraConfig {
  rank: number;
  alpha: number;
  /** Probability, 0 to below 1. */
  dropout: number;
  targets: LoraTarget[];
  /** Rank-stabilised: side paths are scaled by alpha / sqrt(rank). Absent is off. */
  useRslora?: boolean;
  /** Magnitudes of the rows of adapted weights are trained apart from their directions. Absent is off. */
  useDora?: boolean;
}

export interface AdapterRecord {
  id: string;
  name: string;
  baseModelId: string;
  /** Fingerprint of the base it was trained on; another base is refused. */
  baseFingerprint: string;
  lora: LoraConfig;
  /** What its base was kept in while it was trained; absent where nobody said, and for `f32`. */
  baseStorage?: WeightStorage;
  sizeBytes: number;
  /** Blob folder with adapter_model.safetensors and adapter_config.json. */
  folder: string;
  /** Run that made it; null when imported. */
  runId: string | null;
  createdAt: number;
}

/**
 * How the matrices of a base are kept on the device: as 32-bit floats, halves, or integers of 8 or 4 bits with a scale for
 * 32 of them. All but `f32` need the planned engine, and such a base cannot itself be trained.
 */
export const WEIGHT_STORAGES = ['f32', 'f16', 'int8', 'int4'] as const;
export type WeightStorage = (typeof WEIGHT_STORAGES)[number];

/** What keeping a base in fewer than 32 bits changed: root mean squares relative to those of the weights. */
export interface StorageError {
  worst: number;
  /** Name of the weight that it is of. */
  worstTensor: string;
  mean: number;
}

/** What answers: a base model, with or without an adapter. */
export interface ModelTarget {
  modelId: string;
  /** null for a run. */
  adapterId: string | null;
  /** Answers with the weights that this run has right now, while it trains; its base is kept as the run keeps it. */
  runId?: string;
  /** How its base is kept on the device; absent is `f32`. */
  storage?: WeightStorage;
}

/** Text files that make a tokenizer, as they stand beside a model on the Hugging Face hub. */
export interface TokenizerFiles {
  tokenizerJson: string;
  /** `{}` where the model has none. */
  tokenizerConfigJson: string;
}

/** A file on its way in or out: a name and its content. */
export interface NamedFile {
  name: string;
  blob: Blob;
}
