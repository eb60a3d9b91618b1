// The engine worker's calls. It owns the GPU device, models, training and generation.
import type { EncodingStreams } from './encoding';
import type { HubDownload } from './hub';
import type { GenerationEvent, GenerationRequest } from './inference';
import type { AdapterRecord, ModelRecord, NamedFile, WeightStorage } from './models';
import type { PluginInfo } from './plugins';
import type { CheckpointRecord, MemoryEstimate, RunRecord, TrainingConfig, TrainingPlan } from './training';
import type { WorkerApi } from './workers';

export type BackendName = 'webgpu' | 'wasm' | 'cpu';
/** `auto` measures and decides. */
export type BackendChoice = BackendName | 'auto';

export interface DeviceReport {
  backend: BackendName;
  choice: BackendChoice;
  /** One sentence for people: why this backend. */
  reason: string;
  /** `planned`: our own kernels on WebGPU; `eager`: operation by operation on tfjs. */
  executor: 'planned' | 'eager';
  /** What chats are computed with where that is decided apart from training: without WebGPU. Absent: the executor. */
  chat?: { executor: 'onnxruntime'; threads: number } | { executor: 'eager'; reason: string };
  /** null where there is no WebGPU adapter. */
  adapter: {
    vendor: string;
    architecture: string;
    description: string;
    software: boolean;
    features: string[];
    maxBufferSize: number;
    maxStorageBufferBindingSize: number;
  } | null;
  /** Products per second of the start-up measurement, GFLOP/s, for each backend that was tried. */
  measuredGflops: Partial<Record<BackendName, number>>;
  /** Variants of kernels that did not compile or computed wrong here, and why; others run in their place. Absent: none. */
  setAsideVariants?: Record<string, string>;
}

export interface SelfTestReport {
  passed: boolean;
  backend: BackendName;
  checks: { name: string; passed: boolean; relativeError: number; tolerance: number }[];
}

/** One product was measured. */
export interface TuningEvent {
  done: number;
  total: number;
  /** Its shape: `512x384x128 nt none`. */
  product: string;
}

export interface EngineMemory {
  tensors: number;
  bytes: number;
}

/** An array that has to be in one piece and is larger than the device can bind: more memory would not help. */
export interface OversizedArray {
  name: string;
  bytes: number;
  limitBytes: number;
}

/** What a model takes in one storage of its base. */
export interface StorageFit {
  storage: WeightStorage;
  bytes: number;
  fits: boolean;
  /** Why it does not fit whatever memory there is. Absent: no array is too large. */
  oversized?: OversizedArray;
  /** Matrices that are kept in several pieces, as one would be too large. Absent: none. */
  cutMatrices?: number;
}

/** What a model takes on this device, in each storage that the device has. */
export interface ModelEstimate {
  /** Number of weights. */
  parameters: number;
  /** Tokens. */
  contextLength: number;
  /** What the device allows, or the user said; null when unknown: `fits` then says only that no array is too large. */
  limitBytes: number | null;
  /** Largest array that the device binds; null where only the memory counts. */
  arrayLimitBytes: number | null;
  /** Weights, and the keys and values of a conversation. */
  chat: StorageFit[];
  /** LoRA training as the defaults have it, a row at a time where that is needed. */
  train: StorageFit[];
}

/** Texts as vectors, in the order of the texts. */
export interface Embeddings {
  /** Length of each vector; 0 where there were no texts. */
  dimensions: number;
  vectors: Float32Array<ArrayBuffer>[];
  /** Which texts were longer than the model reads: of these their beginning counts. */
  truncated: number[];
}

/** An ONNX model that is not here yet: its config.json, and the bytes of its files. */
export interface DescribedGraph {
  configJson: string;
  graphBytes: number;
}

/** A model that is installed, or one that is known by its config.json alone. */
export type DescribedModel = { modelId: string } | { configJson: string } | DescribedGraph;

export interface EngineApi extends WorkerApi {
  /** Chooses a backend (once; a different choice switches when idle) and reports it. */
  selectBackend(choice: BackendChoice): Promise<DeviceReport>;
  describeDevice(): Promise<DeviceReport>;
  selfTest(): Promise<SelfTestReport>;
  memory(): Promise<EngineMemory>;

  listModels(): Promise<ModelRecord[]>;
  /** config.json, model.safetensors, tokenizer.json and, where present, tokenizer_config.json, generation_config.json. */
  importModel(name: string, files: NamedFile[]): Promise<ModelRecord>;
  /**
   * Makes a finished download an installed model: its files are moved, not copied. After a failure they are where they were.
   * @throws as `importModel`; `storage.missing` where a file is not there.
   */
  adoptDownload(name: string, download: HubDownload): Promise<ModelRecord>;
  /** Values of `architectures` in the config.json of models that can be loaded. */
  listArchitectures(): Promise<string[]>;
  /** @throws AppError `model.unsupported`, listing what is supported. */
  estimateModel(model: DescribedModel): Promise<ModelEstimate>;
  /** README.md of an installed model; null where it came without. */
  readModelCard(modelId: string): Promise<string | null>;
  renameModel(modelId: string, name: string): Promise<ModelRecord>;
  deleteModel(modelId: string): Promise<void>;
  listAdapters(): Promise<AdapterRecord[]>;
  /** adapter_model.safetensors and adapter_config.json, for that base. */
  importAdapter(name: string, baseModelId: string, files: NamedFile[]): Promise<AdapterRecord>;
  renameAdapter(adapterId: string, name: string): Promise<AdapterRecord>;
  deleteAdapter(adapterId: string): Promise<void>;
  /** @param storage the one that the model is used in, so that it is not loaded in another one as well. */
  countTokens(modelId: string, text: string, storage?: WeightStorage): Promise<number>;

  /**
   * Vectors of texts by a model for embeddings.
   * @throws AppError `model.unsupported` for another model, `inference.empty-text` naming the text.
   */
  embed(modelId: string, texts: string[]): Promise<Embeddings>;

  planTraining(config: TrainingConfig): Promise<TrainingPlan>;
  estimateMemory(config: TrainingConfig): Promise<MemoryEstimate>;
  /** Validates, stores the run and starts it; resolves once it runs. Progress comes as events. */
  startRun(config: TrainingConfig): Promise<RunRecord>;
  /** Finishes the step, writes a checkpoint, frees the batches. */
  pauseRun(runId: string): Promise<RunRecord>;
  /** From its last good checkpoint: paused, interrupted, stopped or failed runs. */
  resumeRun(runId: string): Promise<RunRecord>;
  /** The same, without a dataset of its mix that can no longer be read: it is drawn from no more. */
  resumeRunWithout(runId: string, datasetId: string): Promise<RunRecord>;
  /** Finishes the step, keeps what was learnt as an adapter or model. */
  stopRun(runId: string): Promise<RunRecord>;
  deleteRun(runId: string): Promise<void>;
  listRuns(): Promise<RunRecord[]>;
  listCheckpoints(runId: string): Promise<CheckpointRecord[]>;
  /** Keeps a checkpoint's weights as an adapter of its own. */
  adapterFromCheckpoint(checkpointId: string, name: string): Promise<AdapterRecord>;

  clearResponseCache(): Promise<void>;

  listPlugins(): Promise<PluginInfo[]>;
  /** Kept for the next visits. @throws AppError `plugin.in-use`, `plugin.missing-dependency`, `plugin.invalid`. */
  setPluginActive(name: string, active: boolean): Promise<PluginInfo[]>;
  /** Loads and switches on a module. Call it only after the user agreed: a plugin can do all the engine can. */
  addPlugin(url: string): Promise<PluginInfo[]>;
  /** Switches off and forgets one that was added by its address. */
  removePlugin(name: string): Promise<PluginInfo[]>;
  /** Learning-rate schedules, built in or brought by active plugins. */
  listSchedules(): Promise<string[]>;
}

/** Streaming calls: async generators on the worker, async iterables on the page; cancelling stops within 200 ms. */
export interface EngineStreams extends EncodingStreams {
  generate(request: GenerationRequest): AsyncIterable<GenerationEvent>;
  /**
   * Times the variants of every product that was used so far and keeps the fastest; one event for each product.
   * @throws AppError `engine.busy` while a run or an answer uses the device.
   */
  tuneKernels(): AsyncIterable<TuningEvent>;
}
