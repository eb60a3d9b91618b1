// Models and adapters as every realm knows them. Records live in the `models` and `adapters` stores of core/database.

export type ModelFamily = 'llama' | 'qwen2' | 'qwen3' | 'gemma3' | 'phi3' | 'gpt2';

/** Where the files of a model lie: under a URL of this site, or under a folder of the blob store. */
export type ModelLocation = { kind: 'url'; baseUrl: string } | { kind: 'blob'; folder: string };

/** How the weights file is written. */
export type ModelFormat = 'safetensors' | 'gguf' | 'onnx';

/** What a model is for: to write text on, or to turn texts into vectors. */
export type ModelTask = 'chat' | 'embedding' | 'vision';

/** What most weights of a file are stored in: a type of its format, or one of llama.cpp's mixtures. */
export const PRECISIONS = [
  ...(['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'Q4_K', 'Q5_K', 'Q6_K'] as const),
  ...(['INT8', 'INT4'] as const),
  ...(['Q4_K_S', 'Q4_K_M', 'Q5_K_S', 'Q5_K_M'] as const),
] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Where on a hub a model came from. */
export interface ModelSourceRecord {
  /** `owner/name`. */
  repositoryId: string;
  commit: string;
}

export interface ModelRecord {
  id: string;
  name: string;
  /** `graph`: an ONNX model, of whatever architecture. */
  family: ModelFamily | 'graph';
  /** Absent in older records, which are all for chats. */
  task?: ModelTask;
  /** Number of weights. */
  parameters: number;
  sizeBytes: number;
  /** Of its weights file; absent in older records, which are all `safetensors`. */
  format?: ModelFormat;
  /** Of several ONNX graphs the one that was taken, by its name; absent where there was one. */
  variant?: string;
  dtype: Precision;
  /** Tokens. */
  contextLength: number;
  license: string | null;
  origin: 'embedded' | 'imported' | 'tuned';
  /** Absent where no hub is known. */
  source?: ModelSourceRecord;
  /**
   * SHA-256 (hex) of the weights file, of several one after the other by name: what an adapter and a cache entry are
   * bound to.
   */
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
