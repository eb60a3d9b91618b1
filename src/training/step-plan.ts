// How many optimizer steps a run has and which micro-batches each of them takes. Pure arithmetic over the config.
import type { BatchSummary } from '../protocol/batches';
import type { TrainingConfig } from '../protocol/training';

export interface StepPlan {
  /** Optimizer steps of the whole run. */
  totalSteps: number;
  /** Micro-batches of the whole run; the last window may be shorter than the others. */
  totalMicroSteps: number;
  warmupSteps: number;
  batchesPerEpoch: number;
}

type Sizes = Pick<TrainingConfig, 'epochs' | 'maxSteps' | 'gradientAccumulation' | 'warmupRatio'>;

export function planSteps(config: Sizes, summary: Pick<BatchSummary, 'batchesPerEpoch'>): StepPlan {
  const { batchesPerEpoch } = summary;
  const window = config.gradientAccumulation;
  const totalMicroSteps =
    config.maxSteps === null
      ? Math.max(1, Math.ceil(config.epochs * batchesPerEpoch))
      : config.maxSteps * window;
  const totalSteps = Math.ceil(totalMicroSteps / window);
  return {
    totalSteps,
    totalMicroSteps,
    warmupSteps: Math.min(totalSteps, Math.round(config.warmupRatio * totalSteps)),
    batchesPerEpoch,
  };
}

/** First micro-batch of the window and the one after its last. `step` counts from 1. */
export function windowOf(step: number, window: number, plan: StepPlan): { first: number; end: number } {
  return { first: (step - 1) * window, end: Math.min(step * window, plan.totalMicroSteps) };
}
