// The pretraining loop: batches by number, a cosine over the planned time (or steps), checkpoints every few minutes.
// Stops at the end of a step when asked to, and goes on from there the next time.
import { setImmediate } from 'node:timers/promises';
import type { TrainableModel } from '../../src/models/trainable-model';
import type { TokenBatch } from '../../src/protocol/batches';
import type { BatchMaker } from './batches';
import { saveCheckpoint, type Progress } from './checkpoint';
import { bitsPerByte, type HeldOutBatches } from './held-out';

export interface Recipe {
  peakLearningRate: number;
  /** Share of the peak that the cosine ends at. */
  finalShare: number;
  warmupSteps: number;
  weightDecay: number;
  maxGradNorm: number;
  tokensPerStep: number;
  /** Row length, and the one of the last part of the run: long contexts cost more and are learnt last. */
  shortRow: number;
  longRow: number;
  longFrom: number;
}

export const RECIPE: Recipe = {
  peakLearningRate: 2.5e-3,
  finalShare: 0.1,
  warmupSteps: 80,
  weightDecay: 0.1,
  maxGradNorm: 1,
  tokensPerStep: 1024,
  shortRow: 256,
  longRow: 512,
  longFrom: 0.8,
};

const CHECKPOINT_SECONDS = 120;
const POINT_SECONDS = 60;
const EVALUATION_EVERY_POINTS = 4;

export interface Plan {
  /** Seconds of training over all starts. */
  seconds: number;
  /** null: time alone decides. */
  steps: number | null;
}

export interface TrainOptions {
  model: TrainableModel;
  batches: BatchMaker;
  heldOut: HeldOutBatches;
  progress: Progress;
  plan: Plan;
  checkpointPath: string;
  stopAsked: () => boolean;
  log: (line: string) => void;
}

/** 0 to 1: how much of the plan is done. */
export function shareDone({ step, seconds }: Progress, plan: Plan): number {
  return Math.min(1, Math.max(seconds / plan.seconds, plan.steps === null ? 0 : step / plan.steps));
}

export function learningRateAt(step: number, share: number, recipe: Recipe): number {
  const { peakLearningRate, finalShare, warmupSteps } = recipe;
  const warmup = Math.min(1, (step + 1) / warmupSteps);
  const cosine = finalShare + (1 - finalShare) * 0.5 * (1 + Math.cos(Math.PI * share));
  return peakLearningRate * warmup * cosine;
}

/** Sums since the last point of the curve. */
interface Window {
  lossSum: number;
  tokens: number;
  startedAt: number;
}

export class PretrainingLoop {
  readonly #options: TrainOptions;
  #window: Window = { lossSum: 0, tokens: 0, startedAt: 0 };
  #savedAt: number;

  constructor(options: TrainOptions) {
    this.#options = options;
    this.#window.startedAt = options.progress.seconds;
    this.#savedAt = options.progress.seconds;
  }

  /** @returns true when the plan is done, false when it was stopped before. */
  async run(): Promise<boolean> {
    const { progress, plan, stopAsked } = this.#options;
    while (shareDone(progress, plan) < 1 && !stopAsked()) {
      await this.#step();
      // On wasm every await of a step resolves at once: without a real turn no signal would ever be heard.
      await setImmediate();
      if (progress.seconds - this.#window.startedAt >= POINT_SECONDS) await this.#point();
      if (progress.seconds - this.#savedAt >= CHECKPOINT_SECONDS) await this.#save();
    }
    await this.#point();
    await this.#save();
    return shareDone(progress, plan) >= 1;
  }

  async #step(): Promise<void> {
    const { model, progress, plan, log } = this.#options;
    const begun = performance.now();
    const share = shareDone(progress, plan);
    const batch = this.#nextBatch(share);
    const { lossSum } = await model.accumulate(batch, progress.step);
    const learningRate = learningRateAt(progress.step, share, RECIPE);
    const { weightDecay, maxGradNorm } = RECIPE;
    const step = { targetTokens: batch.targetTokens, learningRate, weightDecay, maxGradNorm };
    const { applied } = await model.step(step);
    if (!applied) log(`step ${progress.step} was skipped: its gradient is not finite`);
    progress.step += 1;
    progress.rows += batch.rows;
    progress.tokens += batch.targetTokens;
    progress.seconds += (performance.now() - begun) / 1000;
    this.#window.lossSum += lossSum;
    this.#window.tokens += batch.targetTokens;
  }

  #nextBatch(share: number): TokenBatch {
    const length = share < RECIPE.longFrom ? RECIPE.shortRow : RECIPE.longRow;
    return this.#options.batches.batch(this.#options.progress.rows, RECIPE.tokensPerStep / length, length);
  }

  /** Adds to the curve. Evaluating counts as training time, so that the plan ends when it says. */
  async #point(): Promise<void> {
    const { model, heldOut, progress, plan, log } = this.#options;
    const { lossSum, tokens, startedAt } = this.#window;
    if (tokens === 0) return;
    const share = shareDone(progress, plan);
    const speed = tokens / (progress.seconds - startedAt);
    const begun = performance.now();
    const measures = progress.curve.length % EVALUATION_EVERY_POINTS === 0 || share >= 1;
    const held = measures ? await bitsPerByte(model, heldOut) : null;
    progress.seconds += (performance.now() - begun) / 1000;
    const learningRate = learningRateAt(progress.step, share, RECIPE);
    const point = { step: progress.step, seconds: Math.round(progress.seconds), tokens: progress.tokens };
    progress.curve.push({ ...point, trainLoss: lossSum / tokens, learningRate, heldOutBitsPerByte: held });
    log(
      `step ${progress.step}  ${(100 * share).toFixed(1)} %  loss ${(lossSum / tokens).toFixed(3)}` +
        `${held === null ? '' : `  held-out ${held.toFixed(3)} bits/byte`}  lr ${learningRate.toExponential(2)}` +
        `  ${speed.toFixed(0)} tokens/s`,
    );
    this.#window = { lossSum: 0, tokens: 0, startedAt: progress.seconds };
  }

  async #save(): Promise<void> {
    const { model, progress, checkpointPath } = this.#options;
    const { arrays } = await model.exportState();
    saveCheckpoint(checkpointPath, { progress, arrays });
    this.#savedAt = progress.seconds;
  }
}
