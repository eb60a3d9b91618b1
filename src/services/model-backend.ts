// What the services need of the model layer: loading, and reading and writing model and adapter files. The
// composition root joins it to the real readers and writers; tests bring a toy.
import type { LoadedEmbedder, LoadedPictureEncoder } from '../models/loaded-embedder';
import type { LoadedModel } from '../models/loaded-model';
import type { ModelInspection } from '../models/reading/inspect-model';
import type { StateArrays } from '../models/trainable-model';
import type { DescribedGraph, ModelEstimate } from '../protocol/engine';
import type { LoraConfig, ModelRecord, NamedFile, WeightStorage } from '../protocol/models';
import type { TrainingConfig, TrainingPlan } from '../protocol/training';

export interface InspectedAdapter {
  lora: LoraConfig;
  /** What is to be stored: both files in the form that `load` and exports read. */
  files: NamedFile[];
}

export interface ModelBackend {
  /** The caller disposes it. @throws AppError `model.unsupported` for a storage that the device does not have. */
  load(record: ModelRecord, storage: WeightStorage): Promise<LoadedModel>;
  /** The caller disposes it. @throws AppError `model.unsupported` for a model that makes no vectors. */
  loadEmbedder(record: ModelRecord): Promise<LoadedEmbedder>;
  /** The caller disposes it. @throws AppError `model.unsupported` for a model that makes no vectors of pictures. */
  loadPictureEncoder(record: ModelRecord): Promise<LoadedPictureEncoder>;
  /** @throws AppError `model.unsupported`, `model.bad-header`, `model.truncated`. */
  inspectModel(files: readonly NamedFile[]): Promise<ModelInspection>;
  /** @throws AppError `adapter.bad-config`, `adapter.base-mismatch`. */
  inspectAdapter(files: readonly NamedFile[], base: ModelRecord): Promise<InspectedAdapter>;
  /** An adapter in PEFT's layout. */
  encodeAdapter(weights: StateArrays, lora: LoraConfig, base: ModelRecord): Promise<NamedFile[]>;
  /** The weights file of a fully tuned model. */
  encodeModel(weights: StateArrays, base: ModelRecord): Promise<NamedFile[]>;
  /** Values of `architectures` that can be loaded. */
  architectures(): string[];
  /**
   * What a model takes on the device, by arithmetic.
   * @param model installed, or the text of its config.json.
   * @throws AppError `model.unsupported`.
   */
  estimate(model: ModelRecord | DescribedGraph | string): Promise<ModelEstimate>;
  /** Sizes by arithmetic, without loading. */
  plan(config: TrainingConfig, base: ModelRecord): Promise<TrainingPlan>;
}
