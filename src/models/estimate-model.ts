// What a model would take on this device, by arithmetic over its configuration: for a chat and for training, in each storage
// that the device has. Nothing is loaded; the weights need not even be here.
import type { PlanDevice } from '../engine';
import { trainingDefaults } from '../core/config/training-config';
import { hasCode } from '../lib/errors';
import type { ModelEstimate, StorageFit } from '../protocol/engine';
import { WEIGHT_STORAGES, type WeightStorage } from '../protocol/models';
import type { TrainingConfig } from '../protocol/training';
import { planTraining } from './memory-budget';
import { elementCount, type ModelPlan } from './model-family';

const FLOAT_BYTES = 4;
/** Length of the conversation that a chat is counted with. */
export const CHAT_TOKENS = 2048;
const TRAINED_TOKENS = 128;

/**
 * @param limitBytes what the device allows; null when unknown, which counts as fitting.
 * @param plans the planned engine where the device runs it: few bits are its own.
 */
export function estimateModel(
  plan: ModelPlan,
  limitBytes: number | null,
  plans: PlanDevice | null,
): ModelEstimate {
  const parameters = elementCount(plan.weightShapes());
  const storages: readonly WeightStorage[] = plans === null ? ['f32'] : WEIGHT_STORAGES;
  const fit = (storage: WeightStorage, bytes: number): StorageFit => ({
    storage,
    bytes,
    fits: limitBytes === null || bytes <= limitBytes,
  });
  const weights = (storage: WeightStorage): number =>
    plans === null ? parameters * FLOAT_BYTES : plan.plannedWeightBytes(storage, plans);
  return {
    parameters,
    contextLength: plan.contextLength,
    limitBytes,
    chat: storages.map((storage) => fit(storage, weights(storage) + cacheBytes(plan))),
    train: storages.map(
      (storage) =>
        trainingFit(plan, storage, limitBytes, plans) ?? { ...fit(storage, weights(storage)), fits: false },
    ),
  };
}

/** Keys and values of a conversation. */
function cacheBytes({ decoder, contextLength }: ModelPlan): number {
  const { layers, kvHeads, headSize } = decoder;
  return 2 * layers * kvHeads * headSize * Math.min(contextLength, CHAT_TOKENS) * FLOAT_BYTES;
}

/** LoRA as the defaults have it; where that is too much, a row at a time. null where the device cannot hold one of its arrays. */
function trainingFit(
  plan: ModelPlan,
  storage: WeightStorage,
  limitBytes: number | null,
  plans: PlanDevice | null,
): StorageFit | null {
  let last: StorageFit | null = null;
  for (const batchSize of [trainingDefaults.batchSize, 1]) {
    try {
      const config = trainingOf(plan, storage, batchSize);
      const { totalBytes, fits } = planTraining(plan, config, limitBytes, plans).memory;
      last = { storage, bytes: totalBytes, fits };
      if (fits) return last;
    } catch (error) {
      if (!hasCode(error, 'engine.out-of-memory')) throw error;
    }
  }
  return last;
}

function trainingOf(plan: ModelPlan, baseStorage: WeightStorage, batchSize: number): TrainingConfig {
  return {
    ...trainingDefaults,
    name: '',
    modelId: '',
    startFromAdapterId: null,
    datasetId: '',
    method: 'lora',
    baseStorage,
    batchSize,
    sequenceLength: Math.min(plan.contextLength, TRAINED_TOKENS),
  };
}
