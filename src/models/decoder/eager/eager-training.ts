// Training of a decoder: which weights learn (all of them, or LoRA beside a frozen base), their gradients and their
// optimizer. Owns its parameters; a base it stands on stays its model's.
import type { ParameterSet } from '../../../engine';
import { GradientWindow, dispose, readFloats, type Tensor } from '../../../engine';
import type { TokenBatch } from '../../../protocol/batches';
import type { LossSum, OptimizerStep, StateArrays, TrainableModel } from '../../trainable-model';
import { exportParts, exportAveraged, importParts } from '../../training-state';
import type { DecoderWeights } from './decoder-weights';
import { noDropout, SeededDropout } from './dropout-masks';
import type { EagerGraph } from './eager-graph';

export interface TrainingParts {
  graph: EagerGraph;
  /** Taken over and disposed with the training. */
  parameters: ParameterSet;
  /** Weights as the parameters stand, or with their averages. */
  weights: (which: 'current' | 'averaged') => DecoderWeights;
  /** What was worked out from the weights is to be worked out again. */
  onChange?: () => void;
  /** Weights of the model as a whole. */
  modelParameters: number;
  dropout: number;
}

export class EagerTraining implements TrainableModel {
  readonly #parts: TrainingParts;
  readonly #window: GradientWindow;

  constructor(parts: TrainingParts) {
    this.#parts = parts;
    this.#window = new GradientWindow(parts.parameters.names);
  }

  get parameters(): number {
    return this.#parts.modelParameters;
  }

  get trainableParameters(): number {
    return this.#parts.parameters.size;
  }

  get appliedSteps(): number {
    return this.#parts.parameters.appliedSteps;
  }

  /** Weights for sample generations: what `evaluate` uses. */
  get decodingWeights(): DecoderWeights {
    return this.#parts.weights('averaged');
  }

  async accumulate(batch: TokenBatch, dropoutSeed: number): Promise<LossSum> {
    const { graph, weights, dropout } = this.#parts;
    const masks = dropout > 0 ? new SeededDropout(dropout, dropoutSeed) : noDropout;
    return this.#read(graph.lossAndGradients(batch, weights('current'), this.#window, masks), batch);
  }

  async evaluate(batch: TokenBatch): Promise<LossSum> {
    return this.#read(this.#parts.graph.loss(batch, this.#parts.weights('averaged')), batch);
  }

  async #read(loss: Tensor, { targetTokens }: TokenBatch): Promise<LossSum> {
    const [lossSum = 0] = await readFloats(loss);
    dispose(loss);
    return { lossSum, targetTokens };
  }

  async step(step: OptimizerStep): Promise<{ gradNorm: number; applied: boolean }> {
    const sumNorm = await this.#window.norm();
    const gradNorm = sumNorm / step.targetTokens;
    const applied = Number.isFinite(gradNorm) && !this.#window.empty;
    if (applied) {
      const clip = step.maxGradNorm > 0 ? Math.min(1, step.maxGradNorm / (gradNorm + 1e-6)) : 1;
      this.#parts.parameters.step((name) => this.#window.get(name), {
        gradientScale: clip / step.targetTokens,
        learningRate: step.learningRate,
        weightDecay: step.weightDecay,
      });
    }
    this.#window.clear();
    this.#parts.onChange?.();
    return { gradNorm, applied };
  }

  discardGradients(): void {
    this.#window.clear();
  }

  enableEma(decay: number): Promise<void> {
    this.#parts.parameters.enableEma(decay);
    this.#parts.onChange?.();
    return Promise.resolve();
  }

  async exportState(): Promise<{ appliedSteps: number; arrays: StateArrays }> {
    const { parameters } = this.#parts;
    return { appliedSteps: parameters.appliedSteps, arrays: await exportParts(parameters) };
  }

  // Async, so that a corrupt checkpoint is a rejection like any other.
  async importState(state: { appliedSteps: number; arrays: StateArrays }): Promise<void> {
    importParts(this.#parts.parameters, state);
    this.#parts.onChange?.();
    await Promise.resolve();
  }

  exportWeights(): Promise<StateArrays> {
    return exportAveraged(this.#parts.parameters);
  }

  dispose(): void {
    this.#window.clear();
    this.#parts.parameters.dispose();
    this.#parts.onChange?.();
  }
}
