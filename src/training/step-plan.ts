// How many optimizer steps a run has and which micro-batches each of them takes. Pure arithmetic over the config. The epochs
// of a mix differ in length: what is known of them is told by the summary, later ones are taken to be like the last.
import type { BatchSummary } from '../protocol/batches';
import type { TrainingConfig } from '../protocol/training';

export interface StepPlan {
  /** Optimizer steps of the whole run. */
  totalSteps: number;
  /** Micro-batches of the whole run; the last window may be shorter than the others. */
  totalMicroSteps: number;
  warmupSteps: number;
  /** Passes over the training split that are done before that micro-step, with the fraction. */
  epochAt: (microStep: number) => number;
}

type Sizes = Pick<TrainingConfig, 'epochs' | 'maxSteps' | 'gradientAccumulation' | 'warmupRatio'>;
type Epochs = Pick<BatchSummary, 'batchesPerEpoch' | 'epochStarts'>;

export function planSteps(config: Sizes, summary: Epochs): StepPlan {
  const window = config.gradientAccumulation;
  const totalMicroSteps =
    config.maxSteps === null
      ? Math.max(1, Math.ceil(microStepAt(config.epochs, summary)))
      : config.maxSteps * window;
  const totalSteps = Math.ceil(totalMicroSteps / window);
  return {
    totalSteps,
    totalMicroSteps,
    warmupSteps: Math.min(totalSteps, Math.round(config.warmupRatio * totalSteps)),
    epochAt: (microStep) => epochAt(microStep, summary),
  };
}

/** First micro-batch of the window and the one after its last. `step` counts from 1. */
export function windowOf(step: number, window: number, plan: StepPlan): { first: number; end: number } {
  return { first: (step - 1) * window, end: Math.min(step * window, plan.totalMicroSteps) };
}

/** Whether an epoch after the first begins with that micro-step. */
export function epochStartsAt(summary: Epochs, microStep: number): boolean {
  return microStep > 0 && Number.isInteger(epochAt(microStep, summary));
}

/** Where an epoch that is known begins and how long it is. */
function epochBounds(epoch: number, { epochStarts = [], batchesPerEpoch }: Epochs): [number, number] {
  const known = Math.min(epoch, Math.max(0, epochStarts.length - 2));
  const start = epochStarts[known] ?? 0;
  const length = (epochStarts[known + 1] ?? start + batchesPerEpoch) - start;
  return [start + (epoch - known) * length, length];
}

function microStepAt(epochs: number, summary: Epochs): number {
  const [start, length] = epochBounds(Math.floor(epochs), summary);
  return start + (epochs - Math.floor(epochs)) * length;
}

function epochAt(microStep: number, summary: Epochs): number {
  const starts = summary.epochStarts ?? [];
  const found = starts.findLastIndex((start) => start <= microStep);
  const [start, length] = epochBounds(Math.max(0, found), summary);
  const beyond = (microStep - start) / length;
  return Math.max(0, found) + beyond;
}
