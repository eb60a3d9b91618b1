// What a model would take on this device, by arithmetic over its configuration: for a chat and for training, in each storage
// that the device has, and whether each of its arrays can be held at all. Nothing is loaded; the weights need not even be here.
import type { PlanDevice } from '../engine';
import { trainingDefaults } from '../core/config/training-config';
import { hasCode, type AppError } from '../lib/errors';
import type { ModelEstimate, OversizedArray, StorageFit } from '../protocol/engine';
import { WEIGHT_STORAGES, type WeightStorage } from '../protocol/models';
import type { TrainingConfig } from '../protocol/training';
import { sketchActivationBytes } from './decoder/planned/sketch-bytes';
import { ACTIVATION_BUDGET_BYTES, planTraining } from './memory-budget';
import { elementCount, type ModelPlan, type PlannedWeights } from './model-family';

const FLOAT_BYTES = 4;
/** Length of the conversation that a chat is counted with. */
export const CHAT_TOKENS = 2048;
const TRAINED_TOKENS = 128;

/** What there is room for. */
export interface DeviceRoom {
  /** Bytes of all arrays together; null when unknown, which counts as enough. */
  limitBytes: number | null;
  /** Bytes of one array; null where only the memory counts. */
  arrayBytes: number | null;
}

/** @param plans the planned engine where the device runs it: few bits are its own, and so is cutting a matrix. */
export function estimateModel(plan: ModelPlan, room: DeviceRoom, plans: PlanDevice | null): ModelEstimate {
  const storages: readonly WeightStorage[] = plans === null ? ['f32'] : WEIGHT_STORAGES;
  const weights = new Map(storages.map((storage) => [storage, weightsOf(plan, storage, plans)] as const));
  return {
    parameters: elementCount(plan.weightShapes()),
    contextLength: plan.contextLength,
    limitBytes: room.limitBytes,
    arrayLimitBytes: room.arrayBytes,
    chat: [...weights].map(([storage, kept]) => fitOf(storage, kept, kept.bytes + cacheBytes(plan), room)),
    train: [...weights].map(([storage, kept]) => trainingFit(plan, storage, kept, room, plans)),
  };
}

/** The eager engine keeps each weight of the files whole, as 32-bit floats. */
function weightsOf(plan: ModelPlan, storage: WeightStorage, plans: PlanDevice | null): PlannedWeights {
  if (plans !== null) return plan.plannedWeights(storage, plans);
  let [bytes, largest] = [0, { name: '', bytes: 0 }];
  for (const [name, shape] of plan.weightShapes()) {
    const own = shape.reduce((product, size) => product * size, FLOAT_BYTES);
    bytes += own;
    if (own > largest.bytes) largest = { name, bytes: own };
  }
  return { bytes, largest, cutMatrices: 0 };
}

function fitOf(
  storage: WeightStorage,
  { largest, cutMatrices }: PlannedWeights,
  bytes: number,
  { limitBytes, arrayBytes }: DeviceRoom,
): StorageFit {
  const oversized =
    arrayBytes !== null && largest.bytes > arrayBytes ? { ...largest, limitBytes: arrayBytes } : null;
  const fits = oversized === null && (limitBytes === null || bytes <= limitBytes);
  return {
    ...{ storage, bytes, fits },
    ...(oversized === null ? {} : { oversized }),
    ...(cutMatrices === 0 ? {} : { cutMatrices }),
  };
}

/** Keys and values of a conversation. */
function cacheBytes({ decoder, contextLength }: ModelPlan): number {
  const { layers, kvHeads, headSize } = decoder;
  return 2 * layers * kvHeads * headSize * Math.min(contextLength, CHAT_TOKENS) * FLOAT_BYTES;
}

/** LoRA as the defaults have it; where that is too much, a row at a time; where neither fits, the one that takes less. */
function trainingFit(
  plan: ModelPlan,
  storage: WeightStorage,
  kept: PlannedWeights,
  room: DeviceRoom,
  plans: PlanDevice | null,
): StorageFit {
  // Until a step can be laid out, its weights are all that is known of it.
  let least = fitOf(storage, kept, kept.bytes, room);
  if (least.oversized !== undefined) return least;
  let isKnown = false;
  for (const batchSize of [trainingDefaults.batchSize, 1]) {
    try {
      const config = trainingOf(plan, storage, batchSize);
      const { totalBytes } = planTraining(sketched(plan), config, room.limitBytes, plans).memory;
      const tried = fitOf(storage, kept, totalBytes, room);
      if (tried.fits) return tried;
      // A row may take more than a batch: what of a step is kept has room then that is worked out anew otherwise.
      if (!isKnown || tried.bytes < least.bytes) least = tried;
      isKnown = true;
    } catch (error) {
      if (!hasCode(error, 'engine.out-of-memory')) throw error;
      if (!isKnown) least = { ...least, fits: false, oversized: oversizedOf(error) };
    }
  }
  return least;
}

/** Every storage of every model is asked about, and again when the device changes: there is no time for each step's layout. */
function sketched(plan: ModelPlan): ModelPlan {
  return {
    ...plan,
    plannedActivationBytes: (training, plans) =>
      sketchActivationBytes(plan.decoder, training, plans, ACTIVATION_BUDGET_BYTES),
  };
}

/** The array of a step that an arena has no place for. */
function oversizedOf({ details }: AppError): OversizedArray {
  const { name, bytes, limitBytes } = details ?? {};
  return { name: String(name), bytes: Number(bytes), limitBytes: Number(limitBytes) };
}

function trainingOf(plan: ModelPlan, storage: WeightStorage, batchSize: number): TrainingConfig {
  return {
    ...trainingDefaults,
    name: '',
    modelId: '',
    startFromAdapterId: null,
    datasetId: '',
    method: 'lora',
    baseStorage: storage,
    batchSize,
    sequenceLength: Math.min(plan.contextLength, TRAINED_TOKENS),
  };
}
