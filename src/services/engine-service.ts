// The engine worker's face: each call of the protocol goes to the service that knows. It also owns the device's life:
// choosing a backend, and picking up the pieces when the device is lost.
import { AppError } from '../lib/errors';
import type { EventBus } from '../core/event-bus';
import type {
  BackendChoice,
  DescribedModel,
  DeviceReport,
  EngineApi,
  Embeddings,
  EngineMemory,
  EngineStreams,
  ModelEstimate,
  SelfTestReport,
  TuningEvent,
} from '../protocol/engine';
import type { EncodingProgress } from '../protocol/encoding';
import type { HubDownload } from '../protocol/hub';
import type { GenerationEvent, GenerationRequest } from '../protocol/inference';
import type { AdapterRecord, ModelRecord, NamedFile, WeightStorage } from '../protocol/models';
import type {
  CheckpointRecord,
  MemoryEstimate,
  RunRecord,
  TrainingConfig,
  TrainingPlan,
} from '../protocol/training';
import type { DeviceGuard } from './device-guard';
import type { EmbeddingService } from './embedding-service';
import type { EncodingService } from './encoding-service';
import type { InferenceService } from './inference-service';
import type { ModelCatalog } from './model-catalog';
import type { ModelLibrary } from './model-library';
import type { ModelService } from './model-service';
import type { PluginInfo } from '../protocol/plugins';
import type { PluginService } from './plugin-service';
import { reportError } from './report-error';
import type { TrainingService } from './training-service';

const SOURCE = 'engine-service';

/** What the services need of the numerical device. */
export interface ComputeDevice {
  select(choice: BackendChoice): Promise<DeviceReport>;
  /** The last report; throws before the first `select`. */
  describe(): DeviceReport;
  memory(): EngineMemory;
}

/** @param turn gives the device to one measurement at a time. */
export type Tune = (
  report: DeviceReport,
  turn: <T>(work: () => Promise<T>) => Promise<T>,
) => AsyncGenerator<TuningEvent>;

export interface EngineServiceParts {
  device: ComputeDevice;
  guard: DeviceGuard;
  selfTest: (report: DeviceReport) => Promise<SelfTestReport>;
  /** Times kernels on the device; ends at once where there is nothing to time. */
  tuneKernels: Tune;
  catalog: ModelCatalog;
  library: ModelLibrary;
  models: ModelService;
  training: TrainingService;
  inference: InferenceService;
  embeddings: EmbeddingService;
  encodings: EncodingService;
  plugins: PluginService;
  /** Names of the learning-rate schedules there are now. */
  schedules: () => string[];
  bus: EventBus;
}

/** `health` is answered by the worker's host. */
export class EngineService implements Omit<EngineApi, 'health'>, EngineStreams {
  readonly #parts: EngineServiceParts;
  #ready: Promise<DeviceReport> | null = null;

  constructor(parts: EngineServiceParts) {
    this.#parts = parts;
  }

  /** What the worker is doing, for people. */
  activity(): string {
    if (this.#parts.training.running)
      return this.#parts.inference.busy ? 'training and generating' : 'training';
    if (this.#parts.inference.busy) return 'generating';
    return this.#parts.encodings.busy ? 'encoding' : 'idle';
  }

  /** @throws AppError `engine.busy` while models are in use and the choice is another one. */
  async selectBackend(choice: BackendChoice): Promise<DeviceReport> {
    const current = await this.#ready?.catch(() => null);
    if (current?.choice === choice) return current;
    if (current !== null && current !== undefined) await this.#clearDevice();
    return this.#select(choice);
  }

  async describeDevice(): Promise<DeviceReport> {
    return this.#device();
  }

  async selfTest(): Promise<SelfTestReport> {
    const report = await this.#device();
    return this.#parts.guard.exclusive(() => this.#parts.selfTest(report));
  }

  memory(): Promise<EngineMemory> {
    return Promise.resolve(this.#parts.device.memory());
  }

  listModels(): Promise<ModelRecord[]> {
    return this.#parts.catalog.listModels();
  }

  importModel(name: string, files: NamedFile[]): Promise<ModelRecord> {
    return this.#parts.library.importModel(name, files);
  }

  adoptDownload(name: string, download: HubDownload): Promise<ModelRecord> {
    return this.#parts.library.adoptDownload(name, download);
  }

  listArchitectures(): Promise<string[]> {
    return Promise.resolve(this.#parts.library.architectures());
  }

  async estimateModel(model: DescribedModel): Promise<ModelEstimate> {
    await this.#device();
    return this.#parts.library.estimate(model);
  }

  readModelCard(modelId: string): Promise<string | null> {
    return this.#parts.library.readCard(modelId);
  }

  renameModel(modelId: string, name: string): Promise<ModelRecord> {
    return this.#parts.library.renameModel(modelId, name);
  }

  async deleteModel(modelId: string): Promise<void> {
    await this.#parts.models.forgetModel(modelId);
    await this.#parts.embeddings.forget(modelId);
    await this.#parts.library.deleteModel(modelId);
  }

  listAdapters(): Promise<AdapterRecord[]> {
    return this.#parts.catalog.listAdapters();
  }

  importAdapter(name: string, baseModelId: string, files: NamedFile[]): Promise<AdapterRecord> {
    return this.#parts.library.importAdapter(name, baseModelId, files);
  }

  renameAdapter(adapterId: string, name: string): Promise<AdapterRecord> {
    return this.#parts.library.renameAdapter(adapterId, name);
  }

  async deleteAdapter(adapterId: string): Promise<void> {
    await this.#parts.models.forgetAdapter(adapterId);
    await this.#parts.library.deleteAdapter(adapterId);
  }

  async countTokens(modelId: string, text: string, storage: WeightStorage = 'f32'): Promise<number> {
    await this.#device();
    const lease = await this.#parts.models.borrow({ modelId, adapterId: null, storage });
    try {
      return lease.model.tokenizer.encode(text).length;
    } finally {
      lease.release();
    }
  }

  async embed(modelId: string, texts: string[]): Promise<Embeddings> {
    await this.#device();
    return this.#parts.embeddings.embed(modelId, texts);
  }

  async planTraining(config: TrainingConfig): Promise<TrainingPlan> {
    await this.#device();
    return this.#parts.training.plan(config);
  }

  async estimateMemory(config: TrainingConfig): Promise<MemoryEstimate> {
    return (await this.planTraining(config)).memory;
  }

  async startRun(config: TrainingConfig): Promise<RunRecord> {
    await this.#device();
    return this.#parts.training.start(config);
  }

  pauseRun(runId: string): Promise<RunRecord> {
    return this.#parts.training.pause(runId);
  }

  async resumeRun(runId: string): Promise<RunRecord> {
    await this.#device();
    return this.#parts.training.resume(runId);
  }

  async resumeRunWithout(runId: string, datasetId: string): Promise<RunRecord> {
    await this.#device();
    return this.#parts.training.resumeWithout(runId, datasetId);
  }

  stopRun(runId: string): Promise<RunRecord> {
    return this.#parts.training.stop(runId);
  }

  deleteRun(runId: string): Promise<void> {
    return this.#parts.training.delete(runId);
  }

  listRuns(): Promise<RunRecord[]> {
    return this.#parts.training.list();
  }

  listCheckpoints(runId: string): Promise<CheckpointRecord[]> {
    return this.#parts.training.listCheckpoints(runId);
  }

  adapterFromCheckpoint(checkpointId: string, name: string): Promise<AdapterRecord> {
    return this.#parts.training.adapterFromCheckpoint(checkpointId, name);
  }

  clearResponseCache(): Promise<void> {
    return this.#parts.inference.clearCache();
  }

  listPlugins(): Promise<PluginInfo[]> {
    return Promise.resolve(this.#parts.plugins.list());
  }

  setPluginActive(name: string, active: boolean): Promise<PluginInfo[]> {
    return this.#parts.plugins.setActive(name, active);
  }

  addPlugin(url: string): Promise<PluginInfo[]> {
    return this.#parts.plugins.add(url);
  }

  removePlugin(name: string): Promise<PluginInfo[]> {
    return this.#parts.plugins.remove(name);
  }

  listSchedules(): Promise<string[]> {
    return Promise.resolve(this.#parts.schedules());
  }

  /** @param signal appended by the worker's host; fires when the reader cancels. */
  async *generate(request: GenerationRequest, signal?: AbortSignal): AsyncGenerator<GenerationEvent> {
    await this.#device();
    yield* this.#parts.inference.generate(request, signal);
  }

  async *encodeDataset(
    datasetId: string,
    modelId: string,
    signal?: AbortSignal,
  ): AsyncGenerator<EncodingProgress> {
    await this.#device();
    yield* this.#parts.encodings.encodeDataset(datasetId, modelId, signal);
  }

  async *tuneKernels(): AsyncGenerator<TuningEvent> {
    const report = await this.#device();
    this.#assertIdle('Kernels cannot be timed while a run or an answer uses the device.');
    yield* this.#parts.tuneKernels(report, this.#parts.guard.exclusive);
    // Plans made from now on use what was measured.
    if (!this.#busy) await this.#parts.models.unloadAll();
  }

  /** The device is gone with everything on it. Whoever waits is told, then the same choice is tried again. */
  async recoverDevice(reason: string): Promise<void> {
    const { guard, bus, device } = this.#parts;
    const { choice } = device.describe();
    const error = new AppError('engine.device-lost', `The graphics device was lost: ${reason}`, {
      remedy:
        'Resume the run from its last checkpoint; if it happens again, choose WebAssembly in the settings.',
    });
    reportError(bus, error, 'graphics device', SOURCE);
    guard.lose(error);
    await this.#expect(this.#restart(choice)).catch((failure: unknown) =>
      reportError(bus, failure, 'restart of the device', SOURCE),
    );
  }

  /** Calls that need the device wait for it. */
  async #restart(choice: BackendChoice): Promise<DeviceReport> {
    const { guard, models, training, device, embeddings } = this.#parts;
    await training.settled();
    await models.abandonAll();
    embeddings.dispose();
    guard.restore();
    return guard.exclusive(() => device.select(choice));
  }

  /** The backend in use; the first caller chooses it automatically. */
  #device(): Promise<DeviceReport> {
    return this.#ready ?? this.#select('auto');
  }

  #select(choice: BackendChoice): Promise<DeviceReport> {
    return this.#expect(this.#parts.guard.exclusive(() => this.#parts.device.select(choice)));
  }

  #expect(selecting: Promise<DeviceReport>): Promise<DeviceReport> {
    this.#ready = selecting;
    // A failed choice must not answer later callers.
    selecting.catch(() => {
      if (this.#ready === selecting) this.#ready = null;
    });
    return selecting;
  }

  async #clearDevice(): Promise<void> {
    this.#assertIdle('The backend cannot change while a run or an answer uses it.');
    await this.#parts.models.unloadAll();
    this.#parts.embeddings.dispose();
  }

  get #busy(): boolean {
    const { training, inference, embeddings, encodings } = this.#parts;
    return training.active || inference.busy || embeddings.busy || encodings.busy;
  }

  #assertIdle(fact: string): void {
    if (!this.#busy) return;
    throw new AppError('engine.busy', fact, {
      remedy: 'Pause or stop the run, wait for the answer, then choose again.',
    });
  }
}
