// A TrainableModel of two weights that really learns: it predicts a label from its token by a line, with half the
// squared error as loss and AdamW as optimizer. For tests of whatever stands above the seam.
import { AppError } from '../../lib/errors';
import { uniformAt } from '../../lib/random';
import type { LossSum, OptimizerStep, StateArrays, TrainableModel } from '../../models/trainable-model';
import { IGNORED_LABEL, type BatchSource, type BatchSummary, type TokenBatch } from '../../protocol/batches';

type Pair = [number, number];

export class ToyModel implements TrainableModel {
  readonly parameters = 2;
  readonly trainableParameters = 2;
  weights: Pair = [0, 0];
  /** Set to poison the loss of the next micro-batches. */
  poison: (call: number) => boolean = () => false;
  steps: (OptimizerStep & { gradient: Pair })[] = [];
  disposed = false;
  #calls = 0;
  #window: Pair = [0, 0];
  #moment1: Pair = [0, 0];
  #moment2: Pair = [0, 0];
  #average: Pair | null = null;
  #emaDecay = 0;
  #applied = 0;

  get appliedSteps(): number {
    return this.#applied;
  }

  accumulate(batch: TokenBatch, dropoutSeed: number): Promise<LossSum> {
    this.#calls += 1;
    if (this.poison(this.#calls)) {
      return Promise.resolve({ lossSum: NaN, targetTokens: batch.targetTokens });
    }
    const result = this.#loss(
      batch,
      this.weights,
      (position) => 0.9 + 0.2 * uniformAt(dropoutSeed, position),
    );
    this.#window = [this.#window[0] + result.gradient[0], this.#window[1] + result.gradient[1]];
    return Promise.resolve({ lossSum: result.lossSum, targetTokens: batch.targetTokens });
  }

  step(step: OptimizerStep): Promise<{ gradNorm: number; applied: boolean }> {
    const mean: Pair = [this.#window[0] / step.targetTokens, this.#window[1] / step.targetTokens];
    this.#window = [0, 0];
    const gradNorm = Math.hypot(...mean);
    if (!Number.isFinite(gradNorm)) return Promise.resolve({ gradNorm, applied: false });
    this.steps.push({ ...step, gradient: mean });
    const scale = step.maxGradNorm > 0 ? Math.min(1, step.maxGradNorm / gradNorm) : 1;
    this.#applied += 1;
    for (const i of [0, 1] as const) {
      const gradient = mean[i] * scale;
      this.#moment1[i] = Math.fround(0.9 * this.#moment1[i] + 0.1 * gradient);
      this.#moment2[i] = Math.fround(0.999 * this.#moment2[i] + 0.001 * gradient * gradient);
      const m = this.#moment1[i] / (1 - 0.9 ** this.#applied);
      const v = this.#moment2[i] / (1 - 0.999 ** this.#applied);
      const decayed = this.weights[i] * (1 - step.learningRate * step.weightDecay);
      this.weights[i] = Math.fround(decayed - (step.learningRate * m) / (Math.sqrt(v) + 1e-8));
      if (this.#average !== null) {
        this.#average[i] = Math.fround(
          this.#emaDecay * this.#average[i] + (1 - this.#emaDecay) * this.weights[i],
        );
      }
    }
    return Promise.resolve({ gradNorm, applied: true });
  }

  discardGradients(): void {
    this.#window = [0, 0];
  }

  evaluate(batch: TokenBatch): Promise<LossSum> {
    const { lossSum } = this.#loss(batch, this.#average ?? this.weights, () => 1);
    return Promise.resolve({ lossSum, targetTokens: batch.targetTokens });
  }

  enableEma(decay: number): Promise<void> {
    this.#emaDecay = decay;
    this.#average = [...this.weights];
    return Promise.resolve();
  }

  exportState(): Promise<{ appliedSteps: number; arrays: StateArrays }> {
    const arrays: StateArrays = new Map();
    const put = (name: string, pair: Pair): void =>
      void arrays.set(name, { shape: [2], data: new Float32Array(pair) });
    put('parameter/line', this.weights);
    put('moment1/line', this.#moment1);
    put('moment2/line', this.#moment2);
    if (this.#average !== null) put('ema/line', this.#average);
    return Promise.resolve({ appliedSteps: this.#applied, arrays });
  }

  importState(state: { appliedSteps: number; arrays: StateArrays }): Promise<void> {
    const take = (name: string): Pair => {
      const data = state.arrays.get(name)?.data;
      if (data?.length !== 2) throw new AppError('checkpoint.corrupt', `The array ${name} is missing.`);
      return [data[0] ?? NaN, data[1] ?? NaN];
    };
    this.weights = take('parameter/line');
    this.#moment1 = take('moment1/line');
    this.#moment2 = take('moment2/line');
    if (this.#average !== null) this.#average = take('ema/line');
    this.#applied = state.appliedSteps;
    return Promise.resolve();
  }

  exportWeights(): Promise<StateArrays> {
    const data = new Float32Array(this.#average ?? this.weights);
    return Promise.resolve(new Map([['line', { shape: [2], data }]]));
  }

  dispose(): void {
    this.disposed = true;
  }

  #loss(batch: TokenBatch, weights: Pair, noise: (position: number) => number) {
    let lossSum = 0;
    const gradient: Pair = [0, 0];
    batch.labels.forEach((label, position) => {
      if (label === IGNORED_LABEL) return;
      const x = ((batch.tokens[position] ?? 0) / 10) * noise(position);
      const error = weights[0] * x + weights[1] - label / 10;
      lossSum += (error * error) / 2;
      gradient[0] += error * x;
      gradient[1] += error;
    });
    return { lossSum, gradient };
  }
}

/** A batch of one row from [token, label] pairs. */
export function toyBatch(pairs: readonly (readonly [number, number])[]): TokenBatch {
  const tokens = Int32Array.from(pairs, ([token]) => token);
  const labels = Int32Array.from(pairs, ([, label]) => label);
  return {
    rows: 1,
    length: pairs.length,
    tokens,
    labels,
    positions: Int32Array.from(pairs, (_, index) => index),
    segments: new Int32Array(pairs.length),
    targetTokens: labels.filter((label) => label !== IGNORED_LABEL).length,
  };
}

/** Points on label = 2 * token + 1, a different number of targets in each batch. */
export class ToyBatches implements BatchSource {
  readonly asked: number[] = [];
  closed = false;

  constructor(
    readonly batchesPerEpoch = 4,
    readonly evalBatches = 2,
  ) {}

  summary(): Promise<BatchSummary> {
    return Promise.resolve({
      trainSamples: this.batchesPerEpoch,
      evalSamples: this.evalBatches,
      trainTargetTokens: 10,
      evalTargetTokens: 4,
      batchesPerEpoch: this.batchesPerEpoch,
      evalBatches: this.evalBatches,
      truncatedSamples: 0,
      droppedSamples: {},
    });
  }

  trainBatch(index: number): Promise<TokenBatch> {
    this.asked.push(index);
    const count = 1 + (index % 3);
    return Promise.resolve(
      toyBatch(
        Array.from({ length: count }, (_, i) => [
          (index * 7 + i * 3) % 10,
          2 * ((index * 7 + i * 3) % 10) + 1,
        ]),
      ),
    );
  }

  evalBatch(index: number): Promise<TokenBatch> {
    return Promise.resolve(toyBatch([[index + 2, 2 * (index + 2) + 1]]));
  }

  evalPrompts(count: number): Promise<string[]> {
    return Promise.resolve(['held-out'].slice(0, count));
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}
