// The training loop: owns time, not tensors. Model, batches, clock and outputs are injected; every random choice comes
// from (seed, purpose, step), every batch from its number. A loop can be run again after a pause and goes on where it
// stood. The caller owns and disposes the model and the batch source.
import type { Schedule } from '../core/factories';
import { AppError, hasCode } from '../lib/errors';
import { hashSeed } from '../lib/random';
import type { TrainableModel } from '../models/trainable-model';
import type { BatchSource, BatchSummary, TokenBatch } from '../protocol/batches';
import type { EvaluationResult, StepMetrics, TrainingConfig } from '../protocol/training';
import { evaluateSplit, type SampleGenerator } from './evaluator';
import { initialLoopState, type LoopSnapshot, type LoopState } from './loop-state';
import { isLostSource } from './lost-source';
import { Pace } from './pace';
import { planSteps, windowOf, type StepPlan } from './step-plan';

/** Steps in a row without a finite loss before the run gives up. */
export const MAX_SKIPPED_IN_A_ROW = 10;
/** Prompts taken from the held-out split when the config names none. */
const HELD_OUT_PROMPTS = 2;

export interface LoopClock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Lets waiting calls of the realm be answered. */
  giveWay(): Promise<void>;
}

/** Where the loop reports. A rejected promise with `storage.quota` pauses the loop as it stands; any other one fails it. */
export interface TrainingSink {
  step(metrics: StepMetrics): Promise<void>;
  epoch(epoch: number): void;
  skipped(step: number, reason: string): void;
  evaluationStarted(step: number): void;
  evaluation(result: EvaluationResult): Promise<void>;
  checkpoint(snapshot: LoopSnapshot): Promise<void>;
}

export interface LoopParts {
  runId: string;
  config: TrainingConfig;
  model: TrainableModel;
  batches: BatchSource;
  schedule: Schedule;
  generate: SampleGenerator | null;
  sink: TrainingSink;
  clock: LoopClock;
  /** Bytes that the engine holds. */
  memoryBytes: () => number;
  /** Runs device work alone: generation passes between two of these. */
  exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}

export type LoopOutcome =
  | { status: 'finished'; early: boolean }
  | { status: 'paused'; error: AppError | null }
  | { status: 'stopped' };

type Request = 'pause' | 'stop' | null;

/** What one accumulation window came to. */
interface WindowResult {
  loss: number | null;
  gradNorm: number | null;
  tokens: number;
  /** Milliseconds in which it waited for batches. */
  waitedMs: number;
  reason: string | null;
}

/** What is known once the data has been looked at. */
interface Setup {
  plan: StepPlan;
  summary: BatchSummary;
  prompts: string[];
}

export class TrainingLoop {
  readonly #parts: LoopParts;
  readonly #pace = new Pace();
  readonly #restore: LoopSnapshot | null;
  #state: LoopState;
  #request: Request = null;
  #setup: Setup | null = null;

  /** @param restore a checkpoint to go on from; null starts anew. */
  constructor(parts: LoopParts, restore: LoopSnapshot | null = null) {
    this.#parts = parts;
    this.#restore = restore;
    this.#state = structuredClone(restore?.loop ?? initialLoopState());
  }

  get state(): Readonly<LoopState> {
    return this.#state;
  }

  /** Takes effect after the step in progress; a running evaluation is dropped and made again on resume. */
  requestPause(): void {
    this.#request ??= 'pause';
  }

  requestStop(): void {
    this.#request = 'stop';
  }

  /** Reads the data's size and sets the model up. Called by `run`; earlier to know the number of steps. */
  async prepare(): Promise<StepPlan> {
    this.#setup ??= await this.#prepare();
    return this.#setup.plan;
  }

  /**
   * Trains until the end, a pause or a stop; data that is gone pauses it. May be called again after a pause.
   * @throws AppError `training.diverged` after MAX_SKIPPED_IN_A_ROW steps without a finite loss.
   */
  async run(): Promise<LoopOutcome> {
    this.#request = null;
    const { totalSteps } = await this.prepare();
    try {
      for (;;) {
        if (this.#request === 'stop') return await this.#leave({ status: 'stopped' });
        if (this.#evaluationDue(totalSteps)) await this.#evaluate();
        if (this.#request === null && this.#checkpointDue()) await this.#checkpoint();
        if (this.#request === 'pause') return await this.#leave({ status: 'paused', error: null });
        if (this.#request === null) {
          if (this.#state.stoppedEarly) return await this.#leave({ status: 'finished', early: true });
          if (this.#step >= totalSteps) return await this.#leave({ status: 'finished', early: false });
          await this.#trainStep();
        }
        await this.#parts.clock.giveWay();
      }
    } catch (error) {
      if (hasCode(error, 'storage.quota')) return { status: 'paused', error };
      if (!isLostSource(error)) throw error;
      return this.#leaveWithoutData(error);
    }
  }

  /** The step in progress is given up; those before it are kept. */
  async #leaveWithoutData(error: AppError): Promise<LoopOutcome> {
    this.#parts.model.discardGradients();
    return this.#leave({ status: 'paused', error });
  }

  get #step(): number {
    return this.#state.clock.optimizerStep;
  }

  async #prepare(): Promise<Setup> {
    const { config, batches, model } = this.#parts;
    this.#assertBatchSize();
    const summary = await batches.summary();
    if (summary.batchesPerEpoch === 0) {
      throw new AppError('dataset.all-masked', 'The dataset has no sample with a token to learn.', {
        details: { dropped: summary.droppedSamples },
        remedy: 'Train on all tokens, raise the sequence length, or look at the samples under Data.',
      });
    }
    const plan = planSteps(config, summary);
    if (config.emaDecay !== null) await model.enableEma(config.emaDecay);
    if (this.#restore !== null) await model.importState(this.#restore.model);
    const prompts =
      config.samplePrompts.length > 0 ? config.samplePrompts : await batches.evalPrompts(HELD_OUT_PROMPTS);
    return { plan, summary, prompts };
  }

  /** With another batch size, other rows would stand under the numbers that the clock counts. */
  #assertBatchSize(): void {
    const { batchSize } = this.#parts.config;
    const before = this.#state.batchSize ?? batchSize;
    this.#state.batchSize = batchSize;
    if (before === batchSize) return;
    throw new AppError(
      'training.invalid',
      `The checkpoint was made with a batch size of ${before}; the run asks for ${batchSize}.`,
      {
        details: { path: 'batchSize', value: batchSize, before },
        remedy: `Set it back to ${before}, or start a new run from what was learnt.`,
      },
    );
  }

  #ready(): Setup {
    if (this.#setup === null) throw new Error('the loop was not prepared');
    return this.#setup;
  }

  async #trainStep(): Promise<void> {
    const { clock, sink, exclusive, config, schedule } = this.#parts;
    const { plan } = this.#ready();
    const step = this.#step + 1;
    const startedAt = clock.now();
    const learningRate = config.learningRate * schedule(step, plan.totalSteps, plan.warmupSteps);
    const result = await exclusive(() => this.#trainWindow(step, learningRate));
    const seconds = Math.max((clock.now() - startedAt) / 1000, 1e-6);
    this.#pace.record(seconds);
    const epochBefore = this.#state.clock.epoch;
    this.#advance(step, seconds);
    this.#noteSkip(step, result.reason);
    await sink.step({
      runId: this.#parts.runId,
      step,
      totalSteps: plan.totalSteps,
      epoch: plan.epochAt(this.#state.clock.microStep),
      loss: result.loss,
      learningRate,
      gradNorm: result.gradNorm,
      tokensPerSecond: result.tokens / seconds,
      memoryBytes: this.#parts.memoryBytes(),
      elapsedSeconds: this.#state.elapsedSeconds,
      remainingSeconds: this.#pace.remainingSeconds(plan.totalSteps - step),
      dataWaitShare: Math.min(1, result.waitedMs / 1000 / seconds),
    });
    for (let epoch = epochBefore + 1; epoch <= this.#state.clock.epoch; epoch += 1) sink.epoch(epoch);
    this.#refuseDivergence(learningRate);
  }

  /** The clock moves over the whole window even when it was left out: later batches stay what they were. */
  #advance(step: number, seconds: number): void {
    const { plan } = this.#ready();
    const { end } = windowOf(step, this.#parts.config.gradientAccumulation, plan);
    this.#state.clock = {
      epoch: Math.floor(plan.epochAt(end)),
      microStep: end,
      optimizerStep: step,
    };
    this.#state.elapsedSeconds += seconds;
  }

  async #trainWindow(step: number, learningRate: number): Promise<WindowResult> {
    const { model, batches, config, clock } = this.#parts;
    const { first, end } = windowOf(step, config.gradientAccumulation, this.#ready().plan);
    let lossSum = 0;
    let targetTokens = 0;
    let tokens = 0;
    let waitedMs = 0;
    for (let micro = first; micro < end; micro += 1) {
      const asked = clock.now();
      const batch = await batches.trainBatch(micro);
      waitedMs += clock.now() - asked;
      const part = await model.accumulate(batch, hashSeed(config.seed, 'dropout', micro));
      lossSum += part.lossSum;
      targetTokens += part.targetTokens;
      tokens += countTokens(batch);
      if (!Number.isFinite(part.lossSum))
        return this.#skip({ tokens, waitedMs }, `the loss was ${part.lossSum}`);
    }
    if (targetTokens === 0) return this.#skip({ tokens, waitedMs }, 'its batches had no token to learn');
    const { weightDecay, maxGradNorm } = config;
    const outcome = await model.step({ targetTokens, learningRate, weightDecay, maxGradNorm });
    if (!outcome.applied)
      return this.#skip({ tokens, waitedMs }, `the gradient norm was ${outcome.gradNorm}`);
    return { loss: lossSum / targetTokens, gradNorm: outcome.gradNorm, tokens, waitedMs, reason: null };
  }

  #skip(spent: Pick<WindowResult, 'tokens' | 'waitedMs'>, reason: string): WindowResult {
    this.#parts.model.discardGradients();
    return { loss: null, gradNorm: null, ...spent, reason };
  }

  /** Says so at the first step of a series, not at each one. */
  #noteSkip(step: number, reason: string | null): void {
    this.#state.skippedInARow = reason === null ? 0 : this.#state.skippedInARow + 1;
    if (reason !== null && this.#state.skippedInARow === 1) this.#parts.sink.skipped(step, reason);
  }

  #refuseDivergence(learningRate: number): void {
    if (this.#state.skippedInARow < MAX_SKIPPED_IN_A_ROW) return;
    throw new AppError(
      'training.diverged',
      `${MAX_SKIPPED_IN_A_ROW} steps in a row had no finite loss (last one: step ${this.#step}).`,
      {
        details: { step: this.#step, learningRate },
        remedy: `Lower the learning rate (it was ${learningRate.toPrecision(3)}) or turn gradient clipping on, then resume or start again.`,
      },
    );
  }

  #evaluationDue(totalSteps: number): boolean {
    const { evalInterval } = this.#parts.config;
    if (this.#ready().summary.evalBatches === 0 || this.#state.evaluatedStep === this.#step) return false;
    const last = this.#step === totalSteps;
    return this.#step === 0 || last || (evalInterval > 0 && this.#step % evalInterval === 0);
  }

  async #evaluate(): Promise<void> {
    const { sink, model, batches, generate, exclusive, clock, runId } = this.#parts;
    const { summary, prompts } = this.#ready();
    sink.evaluationStarted(this.#step);
    const split = await evaluateSplit({
      model,
      batches,
      evalBatches: summary.evalBatches,
      prompts,
      generate,
      interrupted: () => this.#request !== null,
      turn: async (work) => {
        const result = await exclusive(work);
        await clock.giveWay();
        return result;
      },
    });
    if (split === null) return;
    const best = this.#noteEvaluation(split.loss);
    await sink.evaluation({ runId, step: this.#step, perplexity: Math.exp(split.loss), best, ...split });
  }

  /** @returns whether it is the lowest loss of the run. A loss that is not a number is never better. */
  #noteEvaluation(loss: number): boolean {
    const { earlyStoppingPatience } = this.#parts.config;
    const state = this.#state;
    const best = loss < (state.evalLossBest ?? Infinity);
    state.evaluatedStep = this.#step;
    state.evalLossLast = loss;
    if (this.#step === 0) state.evalLossBefore = loss;
    if (best) state.evalLossBest = loss;
    state.evaluationsWithoutGain = best ? 0 : state.evaluationsWithoutGain + 1;
    state.stoppedEarly =
      earlyStoppingPatience !== null && state.evaluationsWithoutGain >= earlyStoppingPatience;
    return best;
  }

  #checkpointDue(): boolean {
    const { checkpointInterval } = this.#parts.config;
    if (this.#step === 0 || checkpointInterval === 0) return false;
    return this.#step % checkpointInterval === 0 && this.#state.checkpointStep !== this.#step;
  }

  async #checkpoint(): Promise<void> {
    const before = this.#state.checkpointStep;
    this.#state.checkpointStep = this.#step;
    try {
      const model = await this.#parts.exclusive(() => this.#parts.model.exportState());
      await this.#parts.sink.checkpoint({ loop: structuredClone(this.#state), model });
    } catch (error) {
      this.#state.checkpointStep = before;
      throw error;
    }
  }

  async #leave(outcome: LoopOutcome): Promise<LoopOutcome> {
    if (this.#step > 0 && this.#state.checkpointStep !== this.#step) await this.#checkpoint();
    return outcome;
  }
}

/** Tokens that are not padding. */
function countTokens(batch: TokenBatch): number {
  let count = 0;
  for (const segment of batch.segments) if (segment >= 0) count += 1;
  return count;
}
