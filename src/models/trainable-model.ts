// The seam between a model and the training loop. The model owns weights, gradients and optimizer moments on the
// backend; the loop owns time: batches, schedules, evaluation, checkpoints.
import type { TokenBatch } from '../protocol/batches';

/** Named arrays of a checkpoint; the key tells the part: `parameter/…`, `moment1/…`, `moment2/…`, `ema/…`. */
export type StateArrays = Map<string, { shape: number[]; data: Float32Array<ArrayBuffer> }>;

export interface LossSum {
  /** Sum over target tokens, nats. Not finite when the step must be skipped. */
  lossSum: number;
  targetTokens: number;
}

export interface OptimizerStep {
  /** Target tokens of the whole accumulation window: gradients are averaged over them. */
  targetTokens: number;
  learningRate: number;
  weightDecay: number;
  /** Global-norm clipping; 0 is off. */
  maxGradNorm: number;
}

export interface TrainableModel {
  readonly parameters: number;
  readonly trainableParameters: number;
  /** Optimizer steps that changed the weights: another number, other weights. */
  readonly appliedSteps: number;
  /**
   * Forward and backward of one micro-batch; adds the gradient of the SUMMED loss to the window's.
   * @param dropoutSeed decides the dropout mask; the same seed gives the same mask.
   */
  accumulate(batch: TokenBatch, dropoutSeed: number): Promise<LossSum>;
  /** One optimizer step over the window, then an empty window. A gradient that is not finite changes nothing. */
  step(step: OptimizerStep): Promise<{ gradNorm: number; applied: boolean }>;
  /** Empties the window without a step. */
  discardGradients(): void;
  /** Loss without gradients or dropout, with the averaged weights where there is an average. */
  evaluate(batch: TokenBatch): Promise<LossSum>;
  /** Starts or continues an exponential moving average that follows every applied step. */
  enableEma(decay: number): Promise<void>;
  /** Trainable weights, optimizer moments and average, with the number of applied steps. */
  exportState(): Promise<{ appliedSteps: number; arrays: StateArrays }>;
  /** @throws AppError `checkpoint.corrupt` naming the first array that is missing or misshapen. */
  importState(state: { appliedSteps: number; arrays: StateArrays }): Promise<void>;
  /** Trainable weights by name (averaged where there is an average): what becomes an adapter or a model. */
  exportWeights(): Promise<StateArrays>;
  dispose(): void;
}
