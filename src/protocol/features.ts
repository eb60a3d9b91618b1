// The features worker's calls: packing things up so that people can take them away, and reading them back.
import type { Conversation } from './conversations';
import type { ErrorCode } from './errors';
import type { NamedFile } from './models';
import type { WorkerApi } from './workers';

export interface ImportCounts {
  conversations: number;
  runs: number;
  settings: number;
}

/**
 * What a model, or a model with an adapter merged into it, can be written as; `gguf-lora` and `peft` are the adapter alone,
 * `elsewhere` is what it takes to go on training on another machine.
 */
export const EXPORT_FORMATS = [
  'safetensors-f32',
  'safetensors-f16',
  'safetensors-bf16',
  'gguf-f32',
  'gguf-f16',
  'gguf-q8_0',
  'gguf-q4_0',
  'gguf-lora',
  'onnx',
  'peft',
  'elsewhere',
] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface ExportTarget {
  modelId: string;
  /** null exports the model alone. */
  adapterId: string | null;
}

/** One way to write it: how large the files are, or why it cannot be written so. */
export type ExportOption =
  | { format: ExportFormat; bytes: number }
  | { format: ExportFormat; refusal: { code: ErrorCode; message: string } };

export type ExportEvent =
  /** Of the content of all files together. */
  | { type: 'progress'; file: string; bytes: number; totalBytes: number }
  /** A single file as it is, several as a zip. */
  | { type: 'outcome'; file: NamedFile };

export interface FeaturesStreams {
  /** Ends with the outcome. Leaving the stream stops the work; nothing stays behind. */
  exportWeights(target: ExportTarget, format: ExportFormat): AsyncIterable<ExportEvent>;
}

export interface FeaturesApi extends WorkerApi {
  /** Zip with adapter_model.safetensors, adapter_config.json, README.md in PEFT's layout. */
  exportAdapter(adapterId: string): Promise<NamedFile>;
  /**
   * The formats that make sense for the target, in the order of EXPORT_FORMATS. Headers are read, weights are not.
   * @throws AppError `model.unknown`, `adapter.unknown`, `adapter.base-mismatch`, `storage.missing`.
   */
  exportOptions(target: ExportTarget): Promise<ExportOption[]>;
  exportConversation(conversationId: string, format: 'markdown' | 'json'): Promise<NamedFile>;
  /** One JSON file with a version: conversations, runs with their metrics, settings. Never secrets. */
  exportWorkspace(parts: { conversations: boolean; runs: boolean; settings: boolean }): Promise<NamedFile>;
  /** Reads such a file; what exists already under the same id is kept. */
  importWorkspace(file: NamedFile): Promise<ImportCounts>;
  searchConversations(query: string): Promise<{ conversation: Conversation; excerpt: string }[]>;
}
