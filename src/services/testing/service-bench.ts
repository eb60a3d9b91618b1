// The training, model and inference services over toys and a database in memory, for their tests. The toy model really
// learns; only the device is missing.
import { createScheduleFactory } from '../../core/factories';
import { openDatabase, type Database } from '../../core/database';
import { EventBus, type AnyEnvelope } from '../../core/event-bus';
import { ResponseCache } from '../../inference/response-cache';
import { SessionPool } from '../../inference/session-pool';
import {
  createToyModel,
  toyModelRecord,
  type ToyLoadedModel,
} from '../../inference/testing/toy-language-model';
import { TextGenerator } from '../../inference/text-generator';
import { nextEventTurn } from '../../lib/async/event-turn';
import { MemoryBlobStore } from '../../lib/storage/memory-blob-store';
import type { BatchApi } from '../../protocol/data';
import type { RunRecord } from '../../protocol/training';
import { CheckpointStore } from '../../training/checkpoint-store';
import { registerSchedules } from '../../training/schedule';
import { stateFileCodec } from '../../training/state-file';
import { ToyBatches, ToyModel } from '../../training/testing/toy-model';
import { DeviceGuard } from '../device-guard';
import { InferenceService } from '../inference-service';
import { LiveRuns } from '../live-runs';
import type { ModelBackend } from '../model-backend';
import { createModelCatalog } from '../model-catalog';
import { ModelLibrary } from '../model-library';
import { ModelService } from '../model-service';
import { TrainingService } from '../training-service';

export interface ServiceBench {
  database: Database;
  blobs: MemoryBlobStore;
  bus: EventBus;
  events: AnyEnvelope[];
  guard: DeviceGuard;
  models: ModelService;
  library: ModelLibrary;
  inference: InferenceService;
  training: TrainingService;
  checkpoints: CheckpointStore;
  /** Every base that was loaded, in order, and every training that was made. */
  loaded: ToyLoadedModel[];
  trainings: ToyModel[];
  closedPlans: string[];
  /** What the data worker answers; a test may put other answers in its place. */
  batches: BatchApi;
  /** Resolves with the record when the run has come to rest. */
  rested: (runId: string) => Promise<RunRecord>;
}

let benches = 0;

/**
 * @param earlier bench whose database this one has, to stand where a new worker would.
 * @param together answers of one model that are written side by side.
 */
export async function createServiceBench(
  earlier?: Pick<ServiceBench, 'database' | 'blobs'>,
  together = 1,
): Promise<ServiceBench> {
  const database = earlier?.database ?? (await openDatabase(`services-${(benches += 1)}`));
  const blobs = earlier?.blobs ?? new MemoryBlobStore();
  await database.put('models', toyModelRecord);
  const bus = new EventBus();
  const events: AnyEnvelope[] = [];
  bus.onAny((envelope) => events.push(envelope));
  const guard = new DeviceGuard();
  const trainings: ToyModel[] = [];
  const loaded: ToyLoadedModel[] = [];
  const backend = toyBackend(loaded, trainings);
  const catalog = createModelCatalog(database, blobs, { embeddedBaseUrl: 'none:' });
  const sessions = new SessionPool();
  let time = 0;
  let ids = 0;
  const now = (): number => (time += 10);
  const createId = (): string => `${benches}-${(ids += 1)}-${crypto.randomUUID()}`;
  const models = new ModelService({ catalog, backend, sessions, bus, now });
  const library = new ModelLibrary({ database, blobs, catalog, backend, bus, now, createId });
  const cache = new ResponseCache(database);
  const { exclusive } = guard;
  const live = new LiveRuns(exclusive);
  const giveWay = nextEventTurn;
  const generator = new TextGenerator({
    sessions,
    cache,
    now,
    drawSeed: () => 1,
    turn: guard.shared,
    giveWay,
  });
  const inference = new InferenceService({
    models,
    live,
    generator,
    cache,
    together: () => together,
    beat: () => undefined,
  });
  const checkpoints = new CheckpointStore(database, blobs, stateFileCodec);
  const schedules = createScheduleFactory();
  registerSchedules(schedules);
  const closedPlans: string[] = [];
  const batches = toyBatchApi(closedPlans);
  const training = new TrainingService({
    database,
    bus,
    models,
    live,
    batches,
    checkpoints,
    createSchedule: (name) => schedules.create(name),
    clock: { now, giveWay },
    exclusive,
    memoryBytes: () => 64,
    now,
    beat: () => undefined,
    catalog,
    library,
    backend,
    schedules: () => schedules.list(),
    backendName: () => 'cpu',
    createId,
  });
  const rested = async (runId: string): Promise<RunRecord> => {
    await training.settled();
    return training.find(runId);
  };
  return {
    database,
    blobs,
    bus,
    events,
    guard,
    models,
    library,
    inference,
    training,
    checkpoints,
    loaded,
    trainings,
    closedPlans,
    batches,
    rested,
  };
}

function toyBackend(loaded: ToyLoadedModel[], trainings: ToyModel[]): ModelBackend {
  return {
    load(record, storage) {
      const training = (): ToyModel => {
        const toy = new ToyModel();
        trainings.push(toy);
        return toy;
      };
      const model = createToyModel({ record, storage, training });
      loaded.push(model);
      return Promise.resolve(model);
    },
    loadEmbedder: (record) =>
      Promise.resolve({
        record,
        embed: (texts) =>
          Promise.resolve({
            dimensions: 1,
            vectors: texts.map(({ length }) => Float32Array.of(length)),
            truncated: [],
          }),
        dispose: () => undefined,
      }),
    loadPictureEncoder: () => Promise.reject(new Error('No picture is encoded.')),
    inspectModel: (files) =>
      Promise.resolve({ facts: { ...toyModelRecord, fingerprint: 'e'.repeat(64) }, files: [...files] }),
    inspectAdapter: (files) =>
      Promise.resolve({ lora: { rank: 2, alpha: 4, dropout: 0, targets: ['q'] }, files: [...files] }),
    encodeAdapter: (weights) =>
      Promise.resolve([
        { name: 'adapter_model.safetensors', blob: stateFileCodec.encode(weights) },
        { name: 'adapter_config.json', blob: new Blob(['{}']) },
      ]),
    encodeModel: (weights) =>
      Promise.resolve([{ name: 'model.safetensors', blob: stateFileCodec.encode(weights) }]),
    architectures: () => ['ToyForCausalLM'],
    estimate: () =>
      Promise.resolve({
        ...{ parameters: 2, contextLength: 8, limitBytes: null, arrayLimitBytes: null },
        ...{ chat: [], train: [] },
      }),
    plan: () =>
      Promise.resolve({
        parameters: 2,
        trainableParameters: 2,
        memory: {
          weightsBytes: 8,
          adapterAndOptimizerBytes: 24,
          activationsBytes: 0,
          logitsBytes: 0,
          totalBytes: 32,
          limitBytes: null,
          fits: true,
        },
      }),
  };
}

function toyBatchApi(closed: string[]): BatchApi {
  const source = new ToyBatches();
  let plans = 0;
  return {
    openPlan: async () => ({
      planId: `plan-${(plans += 1)}`,
      summary: await source.summary(),
      samples: 'all',
    }),
    trainBatch: (_, index) => source.trainBatch(index),
    evalBatch: (_, index) => source.evalBatch(index),
    evalPrompts: () => Promise.resolve([]),
    samplingMetrics: () => Promise.resolve({}),
    closePlan: (planId) => Promise.resolve(void closed.push(planId)),
  };
}
