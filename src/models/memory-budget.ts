// What a training takes in memory, by arithmetic.
import type { PlanDevice } from '../engine';
import type { MemoryEstimate, TrainingConfig, TrainingPlan } from '../protocol/training';
import { elementCount, type ModelPlan } from './model-family';
import { requirePlans } from './require-plans';

/** Activations of all blocks are kept up to here; above it, blocks are run again in the backward pass. */
export const ACTIVATION_BUDGET_BYTES = 512 * 1024 * 1024;

const FLOAT_BYTES = 4;
/** Weight, gradient and two moments; full training shares its first weights with the base but not its second. */
const ARRAYS_PER_TRAINED_WEIGHT = 4;

/**
 * @param limitBytes what the device allows; null when unknown, which counts as fitting.
 * @param plans the planned engine, where the training would run on it.
 * @throws AppError `model.unsupported` for a base in few bits without it.
 */
export function planTraining(
  plan: ModelPlan,
  config: TrainingConfig,
  limitBytes: number | null,
  plans: PlanDevice | null,
): TrainingPlan {
  const parameters = elementCount(plan.weightShapes());
  const trainableParameters =
    config.method === 'full' ? parameters : elementCount(plan.adapterShapes(config.lora));
  return {
    parameters,
    trainableParameters,
    memory: estimate(plan, config, parameters, trainableParameters, limitBytes, plans),
  };
}

function estimate(
  plan: ModelPlan,
  config: TrainingConfig,
  parameters: number,
  trainable: number,
  limitBytes: number | null,
  plans: PlanDevice | null,
): MemoryEstimate {
  const arrays = ARRAYS_PER_TRAINED_WEIGHT + (config.emaDecay === null ? 0 : 1);
  const tokens = config.batchSize * config.sequenceLength;
  const storage = config.baseStorage ?? 'f32';
  requirePlans(storage, plans);
  const parts = {
    weightsBytes: plans === null ? parameters * FLOAT_BYTES : plan.plannedWeights(storage, plans).bytes,
    adapterAndOptimizerBytes: trainable * arrays * FLOAT_BYTES,
    ...(plans === null
      ? plan.activationBytes(tokens, config.sequenceLength)
      : plan.plannedActivationBytes(config, plans)),
  };
  const totalBytes =
    parts.weightsBytes + parts.adapterAndOptimizerBytes + parts.activationsBytes + parts.logitsBytes;
  return { ...parts, totalBytes, limitBytes, fits: limitBytes === null || totalBytes <= limitBytes };
}
