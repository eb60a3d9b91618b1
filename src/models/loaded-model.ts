// A model whose weights are on the backend. Adapters are attached beside it, never merged in, so switching one costs
// nothing and training one leaves the base as it is. Whoever loads it disposes it.
import type { ChatTemplate } from '../lib/text/chat-template';
import type { Tokenizer } from '../lib/text/tokenizer';
import type { SamplingConfig } from '../protocol/inference';
import type { AdapterRecord, LoraConfig, ModelRecord, StorageError, WeightStorage } from '../protocol/models';
import type { TrainableModel } from './trainable-model';

/** LoRA matrices on the backend; belongs to one LoadedModel and goes with it. */
export interface LoadedAdapter {
  readonly record: AdapterRecord;
  dispose(): void;
}

/** How a token is chosen from logits. */
export interface TokenChoice {
  sampling: Omit<SamplingConfig, 'seed'>;
  /** In [0, 1): decides the draw. */
  uniform: number;
  /** Tokens that the repetition penalty is for. */
  seen: ReadonlySet<number>;
}

/** One sequence with its keys and values. Owned and disposed by the caller. */
export interface DecodeSession {
  /** Tokens whose keys and values are kept. */
  readonly length: number;
  /** Logits after the last of `tokens`, [vocabSize]. @throws AppError `inference.too-long` past the context length. */
  feed(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>>;
  /** `feed`, and a token chosen where the logits are, which stay there. Absent where they have to come to the caller. */
  feedAndChoose?(tokens: readonly number[], choice: TokenChoice): Promise<number>;
  /**
   * Takes over what other sequences hold for the tokens that follow, without computing it. Absent where nothing is shared.
   * @returns how many of `tokens` the session now has, from the first on.
   */
  reuse?(tokens: readonly number[]): number;
  /** Forgets every position from `length` on. */
  truncate(length: number): void;
  dispose(): void;
}

export interface LoadedModel {
  readonly record: ModelRecord;
  /** What its base is kept in. */
  readonly storage: WeightStorage;
  /** null for `f32`. */
  readonly storageError: StorageError | null;
  /** Why it runs where it does, where that is not the first choice. Absent or null: it is. */
  readonly note?: string | null;
  readonly vocabSize: number;
  readonly contextLength: number;
  /** Ids that end an answer, from config.json and generation_config.json. */
  readonly stopTokenIds: readonly number[];
  readonly tokenizer: Tokenizer;
  /** null where the model has none. */
  readonly chatTemplate: ChatTemplate | null;
  /** @throws AppError `adapter.base-mismatch` for an adapter of another base. */
  attachAdapter(record: AdapterRecord): Promise<LoadedAdapter>;
  createSession(adapter: LoadedAdapter | null): DecodeSession;
  /** Decodes with the weights a training holds right now: sample generations, and chats with a run. */
  createTrainingSession(training: TrainableModel): DecodeSession;
  createLoraTraining(lora: LoraConfig, seed: number, from: LoadedAdapter | null): Promise<TrainableModel>;
  createFullTraining(): Promise<TrainableModel>;
  dispose(): void;
}
