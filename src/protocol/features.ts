// The features worker's calls: packing things up so that people can take them away, and reading them back.
import type { Conversation } from './conversations';
import type { NamedFile } from './models';
import type { WorkerApi } from './workers';

export interface ImportCounts {
  conversations: number;
  runs: number;
  settings: number;
}

export interface FeaturesApi extends WorkerApi {
  /** Zip with adapter_model.safetensors, adapter_config.json, README.md in PEFT's layout. */
  exportAdapter(adapterId: string): Promise<NamedFile>;
  /** Zip with model.safetensors, config.json and tokenizer files of an installed model. */
  exportModel(modelId: string): Promise<NamedFile>;
  exportConversation(conversationId: string, format: 'markdown' | 'json'): Promise<NamedFile>;
  /** One JSON file with a version: conversations, runs with their metrics, settings. Never secrets. */
  exportWorkspace(parts: { conversations: boolean; runs: boolean; settings: boolean }): Promise<NamedFile>;
  /** Reads such a file; what exists already under the same id is kept. */
  importWorkspace(file: NamedFile): Promise<ImportCounts>;
  searchConversations(query: string): Promise<{ conversation: Conversation; excerpt: string }[]>;
}
