// A LoadedModel that is an ONNX graph: it answers, and that is all. What needs the weights one by one (adapters, training) is
// refused. Owns the runner.
import type { GraphRunner } from '../../engine/ort/graph-runner';
import { AppError } from '../../lib/errors';
import type { ChatTemplate } from '../../lib/text/chat-template';
import type { Tokenizer } from '../../lib/text/tokenizer';
import type { ModelRecord } from '../../protocol/models';
import type { DecodeSession, LoadedAdapter, LoadedModel } from '../loaded-model';
import type { TrainableModel } from '../trainable-model';
import type { DecoderScheme } from './decoder-scheme';
import { OnnxDecodeSession, type GraphLimits } from './onnx-decode-session';

export interface GraphModelParts extends GraphLimits {
  record: ModelRecord;
  runner: GraphRunner;
  scheme: DecoderScheme;
  tokenizer: Tokenizer;
  chatTemplate: ChatTemplate | null;
  stopTokenIds: readonly number[];
  /** Why it runs where it does, where that is not the first choice. */
  note: string | null;
}

/** What an ONNX model cannot do. */
export function graphOnly(name: string, fact: string): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `${name} is an ONNX graph: ${fact}.`, {
    details: { format: 'onnx' },
    remedy: 'Import the same model as safetensors or GGUF for that; an ONNX model can be chatted with.',
  });
}

export class GraphModel implements LoadedModel {
  readonly storage = 'f32';
  readonly storageError = null;
  readonly #parts: GraphModelParts;

  constructor(parts: GraphModelParts) {
    this.#parts = parts;
  }

  get record(): ModelRecord {
    return this.#parts.record;
  }

  get note(): string | null {
    return this.#parts.note;
  }

  get vocabSize(): number {
    return this.#parts.vocabSize;
  }

  get contextLength(): number {
    return this.#parts.contextLength;
  }

  get stopTokenIds(): readonly number[] {
    return this.#parts.stopTokenIds;
  }

  get tokenizer(): Tokenizer {
    return this.#parts.tokenizer;
  }

  get chatTemplate(): ChatTemplate | null {
    return this.#parts.chatTemplate;
  }

  attachAdapter(): Promise<LoadedAdapter> {
    return Promise.reject(this.#refusal('adapters have no place in it'));
  }

  createSession(): DecodeSession {
    const { runner, scheme } = this.#parts;
    return new OnnxDecodeSession(runner, scheme, this.#parts);
  }

  createTrainingSession(): DecodeSession {
    throw this.#refusal('it is not trained');
  }

  createLoraTraining(): Promise<TrainableModel> {
    return Promise.reject(this.#refusal('it cannot be trained'));
  }

  createFullTraining(): Promise<TrainableModel> {
    return Promise.reject(this.#refusal('it cannot be trained'));
  }

  dispose(): void {
    void this.#parts.runner.dispose();
  }

  #refusal(fact: string): AppError<'model.unsupported'> {
    return graphOnly(this.#parts.record.name, fact);
  }
}
