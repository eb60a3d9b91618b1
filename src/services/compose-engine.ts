// Composition root of the engine worker: the browser's stores, the device and the model files, joined to the services.
import { bridgeBus } from '../core/bus-bridge';
import { EventBus } from '../core/event-bus';
import { EngineDevice, fallbacks, proveProducts, type PlanDevice } from '../engine';
import type { OrtEngine } from '../engine/ort/ort-engine';
import { ortThreads, startOrt } from '../engine/ort/start-ort';
import {
  createModelFamilies,
  graphWays,
  ModelFiles,
  runOrtSelfTest,
  runPlannedSelfTest,
  runSelfTest,
} from '../models';
import type { BackendName, EngineApi, EngineStreams, SelfTestReport } from '../protocol/engine';
import type { WorkerContext, WorkerParts } from '../protocol/worker-context';
import { ChatDevice } from './chat-device';
import { createEngineContainer, engineToken, pluginsToken, trainingToken } from './engine-container';
import { wasmUrls } from '../engine/device/wasm-urls';
import { KernelTuning } from './kernel-tuning';
import { memoryLimitOf } from './memory-setting';
import { openStorage } from './open-storage';
import { VerifiedDevice } from './verified-device';

export type EngineParts = WorkerParts<Omit<EngineApi, 'health'>, EngineStreams>;

/** @throws AppError `storage.unavailable` where the browser's database does not open. */
export async function composeEngine(
  context: Pick<WorkerContext, 'busPort' | 'batches' | 'encodings' | 'beat'>,
): Promise<EngineParts> {
  const { database, blobs } = await openStorage();
  const bus = new EventBus();
  const unbridge = bridgeBus(bus, context.busPort);
  const device = new EngineDevice({
    wasmPaths: wasmUrls,
    gpu: 'gpu' in navigator ? navigator.gpu : null,
    deviceMemory: deviceMemory(),
    onLost: ({ reason, message }) => void engine.recoverDevice(`${message} (${reason})`),
  });
  const families = createModelFamilies();
  const backend = new ModelFiles({
    blobs,
    families,
    plans: () => device.plans,
    chats: () => chats.runtime,
    graphs: () => graphWays({ device: fastGpu(device.plans), threads: ortThreads() }),
    memoryLimitBytes: () => memoryLimitOf(device.memoryLimitBytes, database),
    arrayLimitBytes: () => device.arrayLimitBytes,
  });
  const tuning = new KernelTuning(database);
  const { batches, encodings, beat } = context;
  const verified = new VerifiedDevice({
    device,
    database,
    build: import.meta.url,
    selfTest: (plans) => plans.forgetting(() => provenSelfTest(plans)),
    fallbacks,
    variants: ({ variants }) => variants,
    restore: (plans, report) => tuning.restore(plans, report),
  });
  const chats = new ChatDevice({ device: verified, start: () => startOrt(), selfTest: runOrtSelfTest });
  const container = createEngineContainer({
    database,
    blobs,
    bus,
    device: chats,
    backend,
    batches,
    encodings,
    selfTest: ({ backend }) => wholeSelfTest(backend, device.plans, chats.runtime),
    async *tuneKernels(report, turn) {
      if (device.plans !== null) yield* tuning.run(device.plans, report, turn);
    },
    beat,
  });
  await container.get(pluginsToken).start(import.meta.glob('/src/plugins/*.ts'));
  const engine = container.get(engineToken);
  const training = container.get(trainingToken);
  await training.recover();
  return {
    api: engine,
    streams: engine,
    services: container.list().map(({ name }) => name),
    activity: () => engine.activity(),
    async dispose() {
      await container.dispose();
      unbridge();
      context.busPort.close();
      database.close();
    },
  };
}

/** GiB; null where the browser does not tell. */
function deviceMemory(): number | null {
  const told: unknown = 'deviceMemory' in navigator ? navigator.deviceMemory : null;
  return typeof told === 'number' ? told : null;
}

/** A CPU that speaks WebGPU is slower at it than at its own work. */
const fastGpu = (plans: PlanDevice | null): GPUDevice | null =>
  plans === null || plans.target.kind === 'software' ? null : plans.device;

/**
 * The self-test's shapes are too small for the tiles that GPUs take, so these are tried first, each by itself. On a
 * software adapter compiling them all takes seconds, and the self-test takes most of them.
 */
async function provenSelfTest(plans: PlanDevice): Promise<SelfTestReport> {
  if (plans.target.kind !== 'software') await proveProducts(plans);
  return runPlannedSelfTest(plans);
}

/** The eager engine's checks and, where there are plans or a runtime for chats, theirs. */
async function wholeSelfTest(
  backend: BackendName,
  plans: PlanDevice | null,
  chats: OrtEngine | null,
): Promise<SelfTestReport> {
  const eager = await runSelfTest(backend);
  if (plans === null) {
    const checks = [...(chats === null ? [] : await runOrtSelfTest(chats)), ...eager.checks];
    return { backend, checks, passed: checks.every(({ passed }) => passed) };
  }
  const planned = await plans.forgetting(() => runPlannedSelfTest(plans));
  return {
    backend,
    checks: [...planned.checks, ...eager.checks],
    passed: planned.passed && eager.passed,
  };
}
