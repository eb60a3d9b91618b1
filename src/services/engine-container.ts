// What the engine worker is made of: every service with what it needs, registered by token. The worker's entry builds
// it over a device and the browser's stores, tests over others.
import { Container, createToken } from '../core/container';
import type { Database } from '../core/database';
import type { EventBus } from '../core/event-bus';
import { factories, scheduleFactory } from '../core/factories';
import { PluginManager } from '../core/plugins/plugin-manager';
import { ResponseCache } from '../inference/response-cache';
import { SessionPool } from '../inference/session-pool';
import { TextGenerator } from '../inference/text-generator';
import { nextEventTurn } from '../lib/async/event-turn';
import type { BlobStore } from '../lib/storage/blob-store';
import type { BatchApi } from '../protocol/data';
import type { EncodingApi } from '../protocol/encoding';
import type { SelfTestReport, DeviceReport } from '../protocol/engine';
import { CheckpointStore } from '../training/checkpoint-store';
import { registerSchedules } from '../training/schedule';
import { stateFileCodec } from '../training/state-file';
import { DeviceGuard } from './device-guard';
import { EmbeddingService } from './embedding-service';
import { EncodingService } from './encoding-service';
import { EngineService, type ComputeDevice, type Tune } from './engine-service';
import { InferenceService } from './inference-service';
import { LiveRuns } from './live-runs';
import type { ModelBackend } from './model-backend';
import { createModelCatalog, type ModelCatalog } from './model-catalog';
import { ModelLibrary } from './model-library';
import { ModelService } from './model-service';
import { PluginService } from './plugin-service';
import { TrainingService } from './training-service';

/** What comes from outside: stores, the device, the other workers. The container disposes none of it. */
export interface EngineSurroundings {
  database: Database;
  blobs: BlobStore;
  bus: EventBus;
  device: ComputeDevice;
  backend: ModelBackend;
  batches: BatchApi;
  encodings: EncodingApi;
  selfTest: (report: DeviceReport) => Promise<SelfTestReport>;
  tuneKernels: Tune;
  /** Tells the supervisor that work goes on. */
  beat: () => void;
  /** Where the embedded model lies; the site's own place by default. */
  embeddedBaseUrl?: string;
}

/** How long a training step waits for an answer that is being written. */
const ANSWER_SLICE_MS = 250;
/** Answers written side by side on plans: one replay reads a token of each. */
const PLANNED_ANSWERS = 8;

export const engineToken = createToken<EngineService>('engine');
export const trainingToken = createToken<TrainingService>('training');
export const pluginsToken = createToken<PluginService>('plugins');
const pluginManagerToken = createToken<PluginManager>('plugin-manager');
const catalogToken = createToken<ModelCatalog>('model-catalog');
const guardToken = createToken<DeviceGuard>('device-guard');
const sessionsToken = createToken<SessionPool>('decode-sessions');
const cacheToken = createToken<ResponseCache>('response-cache');
const generatorToken = createToken<TextGenerator>('text-generator');
const modelsToken = createToken<ModelService>('models');
const liveRunsToken = createToken<LiveRuns>('live-runs');
const libraryToken = createToken<ModelLibrary>('model-library');
const inferenceToken = createToken<InferenceService>('inference');
const embeddingsToken = createToken<EmbeddingService>('embeddings');
const encodingsToken = createToken<EncodingService>('encodings');
const checkpointsToken = createToken<CheckpointStore>('checkpoints');

export function createEngineContainer(outside: EngineSurroundings): Container {
  const container = new Container().addProvider(factories);
  registerSchedules(container.get(scheduleFactory));
  registerModels(container, outside);
  registerInference(container, outside);
  registerTraining(container, outside);
  registerPlugins(container, outside);
  const { device, selfTest, tuneKernels, bus } = outside;
  container.register(
    engineToken,
    (services) =>
      new EngineService({
        device,
        selfTest,
        tuneKernels,
        bus,
        guard: services.get(guardToken),
        catalog: services.get(catalogToken),
        library: services.get(libraryToken),
        models: services.get(modelsToken),
        training: services.get(trainingToken),
        inference: services.get(inferenceToken),
        embeddings: services.get(embeddingsToken),
        encodings: services.get(encodingsToken),
        plugins: services.get(pluginsToken),
        schedules: () => services.get(scheduleFactory).list(),
      }),
  );
  return container;
}

function registerPlugins(container: Container, { database, bus }: EngineSurroundings): void {
  container.register(pluginManagerToken, () => new PluginManager(container, bus));
  container.register(
    pluginsToken,
    (services) => new PluginService({ database, manager: services.get(pluginManagerToken) }),
  );
}

function registerModels(container: Container, outside: EngineSurroundings): void {
  const { database, blobs, bus, backend, embeddedBaseUrl, encodings, beat } = outside;
  const now = (): number => Date.now();
  const createId = (): string => crypto.randomUUID();
  container.register(guardToken, () => new DeviceGuard());
  container.register(liveRunsToken, (services) => new LiveRuns(services.get(guardToken).exclusive));
  container.register(sessionsToken, () => new SessionPool());
  container.register(catalogToken, () =>
    createModelCatalog(database, blobs, embeddedBaseUrl === undefined ? {} : { embeddedBaseUrl }),
  );
  container.register(
    libraryToken,
    (services) =>
      new ModelLibrary({ database, blobs, catalog: services.get(catalogToken), backend, bus, now, createId }),
  );
  container.register(
    embeddingsToken,
    (services) =>
      new EmbeddingService({
        catalog: services.get(catalogToken),
        backend,
        exclusive: services.get(guardToken).exclusive,
      }),
  );
  container.register(
    encodingsToken,
    (services) =>
      new EncodingService({
        data: encodings,
        encode: (modelId, inputs) => services.get(embeddingsToken).encode(modelId, inputs),
        beat,
      }),
  );
  container.register(modelsToken, (services) => {
    const { exclusive } = services.get(guardToken);
    return new ModelService({
      catalog: services.get(catalogToken),
      backend: {
        load: (record, storage) => exclusive(() => backend.load(record, storage)),
        estimate: (record) => backend.estimate(record),
      },
      sessions: services.get(sessionsToken),
      bus,
      now: () => performance.now(),
    });
  });
}

function registerInference(container: Container, { database, device, beat }: EngineSurroundings): void {
  container.register(cacheToken, () => new ResponseCache(database));
  container.register(
    generatorToken,
    (services) =>
      new TextGenerator({
        sessions: services.get(sessionsToken),
        cache: services.get(cacheToken),
        now: () => performance.now(),
        drawSeed: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
        turn: services.get(guardToken).shared,
        giveWay: nextEventTurn,
      }),
  );
  container.register(
    inferenceToken,
    (services) =>
      new InferenceService({
        models: services.get(modelsToken),
        live: services.get(liveRunsToken),
        generator: services.get(generatorToken),
        cache: services.get(cacheToken),
        together: () => (device.describe().executor === 'planned' ? PLANNED_ANSWERS : 1),
        beat,
      }),
  );
}

function registerTraining(container: Container, outside: EngineSurroundings): void {
  const { database, blobs, bus, device, backend, batches, beat } = outside;
  container.register(checkpointsToken, () => new CheckpointStore(database, blobs, stateFileCodec));
  container.register(trainingToken, (services) => {
    const schedules = services.get(scheduleFactory);
    const inference = services.get(inferenceToken);
    const giveWay = async (): Promise<void> => {
      beat();
      await nextEventTurn();
      await inference.lull(ANSWER_SLICE_MS);
    };
    return new TrainingService({
      database,
      bus,
      batches,
      backend,
      beat,
      models: services.get(modelsToken),
      live: services.get(liveRunsToken),
      checkpoints: services.get(checkpointsToken),
      catalog: services.get(catalogToken),
      library: services.get(libraryToken),
      createSchedule: (name) => schedules.create(name),
      schedules: () => schedules.list(),
      clock: { now: () => performance.now(), giveWay },
      exclusive: services.get(guardToken).exclusive,
      memoryBytes: () => device.memory().bytes,
      backendName: () => device.describe().backend,
      now: () => Date.now(),
      createId: () => crypto.randomUUID(),
    });
  });
}
