// Everything that a run must remember to go on as if it had never stopped, apart from the model's own arrays.
// Plain JSON: it is kept inside each checkpoint.
import type { StateArrays } from '../models/trainable-model';
import type { SampleClock } from '../protocol/training';

export interface LoopState {
  clock: SampleClock;
  /** Rows of a micro-batch: the clock counts batches of this size. Absent in checkpoints of earlier versions. */
  batchSize?: number;
  /** Optimizer step of the last evaluation and checkpoint; null before the first. */
  evaluatedStep: number | null;
  checkpointStep: number | null;
  evalLossBefore: number | null;
  evalLossBest: number | null;
  evalLossLast: number | null;
  /** Evaluations in a row that were no better than the best: what early stopping counts. */
  evaluationsWithoutGain: number;
  /** Steps in a row left out for a loss or gradient that was not finite. */
  skippedInARow: number;
  /** Seconds of training, pauses left out. */
  elapsedSeconds: number;
  stoppedEarly: boolean;
}

export interface ModelState {
  appliedSteps: number;
  arrays: StateArrays;
}

export interface LoopSnapshot {
  loop: LoopState;
  model: ModelState;
}

export function initialLoopState(): LoopState {
  return {
    clock: { epoch: 0, microStep: 0, optimizerStep: 0 },
    evaluatedStep: null,
    checkpointStep: null,
    evalLossBefore: null,
    evalLossBest: null,
    evalLossLast: null,
    evaluationsWithoutGain: 0,
    skippedInARow: 0,
    elapsedSeconds: 0,
    stoppedEarly: false,
  };
}
