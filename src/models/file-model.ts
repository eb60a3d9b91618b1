// A LoadedModel on top of a family's runtime: the record, tokenizer and template beside the weights, and adapters read
// from their files.
import type { ChatTemplate } from '../lib/text/chat-template';
import type { Tokenizer } from '../lib/text/tokenizer';
import { AppError } from '../lib/errors';
import type { AdapterRecord, LoraConfig, ModelRecord, StorageError, WeightStorage } from '../protocol/models';
import type { FileArray } from './file-layout';
import type { DecodeSession, LoadedAdapter, LoadedModel } from './loaded-model';
import type { AdapterTensors, ModelPlan, ModelRuntime } from './model-family';
import type { TrainableModel } from './trainable-model';

export interface FileModelParts {
  record: ModelRecord;
  plan: ModelPlan;
  runtime: ModelRuntime;
  tokenizer: Tokenizer;
  chatTemplate: ChatTemplate | null;
  stopTokenIds: readonly number[];
  readAdapter: (record: AdapterRecord) => Promise<ReadonlyMap<string, FileArray>>;
}

class FileAdapter implements LoadedAdapter {
  readonly record: AdapterRecord;
  readonly tensors: AdapterTensors;

  constructor(record: AdapterRecord, tensors: AdapterTensors) {
    this.record = record;
    this.tensors = tensors;
  }

  dispose(): void {
    this.tensors.dispose();
  }
}

const tensorsOf = (adapter: LoadedAdapter | null): AdapterTensors | null =>
  adapter instanceof FileAdapter ? adapter.tensors : null;

export class FileModel implements LoadedModel {
  readonly #parts: FileModelParts;

  constructor(parts: FileModelParts) {
    this.#parts = parts;
  }

  get record(): ModelRecord {
    return this.#parts.record;
  }

  get storage(): WeightStorage {
    return this.#parts.runtime.storage;
  }

  get storageError(): StorageError | null {
    const errors = [...this.#parts.runtime.storageErrors];
    const [first] = errors;
    if (first === undefined) return null;
    const [worstTensor, worst] = errors.reduce((most, next) => (next[1] > most[1] ? next : most), first);
    const mean = errors.reduce((sum, [, error]) => sum + error, 0) / errors.length;
    return { worst, worstTensor, mean };
  }

  get vocabSize(): number {
    return this.#parts.plan.vocabSize;
  }

  get contextLength(): number {
    return this.#parts.plan.contextLength;
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

  async attachAdapter(record: AdapterRecord): Promise<LoadedAdapter> {
    const { record: base, runtime, readAdapter } = this.#parts;
    if (record.baseFingerprint !== base.fingerprint) {
      throw new AppError(
        'adapter.base-mismatch',
        `${record.name} was trained on other weights than ${base.name}.`,
        {
          details: { adapterId: record.id, baseModelId: base.id },
          remedy: 'Choose the model that the adapter was trained on.',
        },
      );
    }
    return new FileAdapter(record, await runtime.createAdapter(record.lora, await readAdapter(record)));
  }

  createSession(adapter: LoadedAdapter | null): DecodeSession {
    return this.#parts.runtime.createSession(tensorsOf(adapter));
  }

  createTrainingSession(training: TrainableModel): DecodeSession {
    return this.#parts.runtime.createTrainingSession(training);
  }

  createLoraTraining(lora: LoraConfig, seed: number, from: LoadedAdapter | null): Promise<TrainableModel> {
    return this.#parts.runtime.createLoraTraining(lora, seed, tensorsOf(from));
  }

  createFullTraining(): Promise<TrainableModel> {
    return this.#parts.runtime.createFullTraining();
  }

  dispose(): void {
    this.#parts.runtime.dispose();
  }
}
