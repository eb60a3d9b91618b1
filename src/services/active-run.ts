// One run on the device: the base it stands on, its weights, its batches, its loop, and where it reports. It owns the
// training and the batches and gives the base back. What it learns leaves it only through checkpoints and results.
import type { EventBus } from '../core/event-bus';
import type { Database } from '../core/database';
import type { TrainableModel } from '../models/trainable-model';
import type { BatchPlan } from '../protocol/batches';
import type { BatchApi } from '../protocol/data';
import {
  DEFAULT_PREFETCH,
  type EvaluationResult,
  type RunRecord,
  type StepMetrics,
  type TrainingConfig,
} from '../protocol/training';
import type { CheckpointStore } from '../training/checkpoint-store';
import type { LoopSnapshot } from '../training/loop-state';
import { MetricLog } from '../training/metric-log';
import { PlanBatches } from '../training/plan-batches';
import { TrainingLoop, type LoopClock, type LoopParts, type TrainingSink } from '../training/training-loop';
import type { Schedule } from '../core/factories';
import type { LiveRuns } from './live-runs';
import type { ModelLease, ModelService } from './model-service';
import { createSampleGenerator } from './sample-generator';

export const TRAINING_SOURCE = 'training-service';

export interface ActiveRunParts {
  database: Database;
  bus: EventBus;
  models: Pick<ModelService, 'borrow'>;
  live: Pick<LiveRuns, 'offer' | 'withdraw'>;
  batches: BatchApi;
  checkpoints: CheckpointStore;
  createSchedule: (name: string) => Schedule;
  clock: LoopClock;
  exclusive: LoopParts['exclusive'];
  memoryBytes: () => number;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Tells the supervisor that work goes on. */
  beat: () => void;
}

export class ActiveRun implements TrainingSink {
  readonly loop: TrainingLoop;
  readonly #parts: ActiveRunParts;
  readonly #lease: ModelLease;
  readonly #training: TrainableModel;
  readonly #batches: PlanBatches;
  readonly #log: MetricLog;
  #record: RunRecord;
  #closed = false;

  private constructor(
    parts: ActiveRunParts,
    record: RunRecord,
    lease: ModelLease,
    batches: PlanBatches,
    training: TrainableModel,
    restore: LoopSnapshot | null,
  ) {
    this.#parts = parts;
    this.#lease = lease;
    this.#batches = batches;
    this.#training = training;
    this.#record = record;
    this.#log = new MetricLog(parts.database, record.id, parts.now);
    const { config } = record;
    const { clock, exclusive, memoryBytes } = parts;
    const generate = createSampleGenerator({ model: lease.model, training, config, clock, exclusive });
    const schedule = parts.createSchedule(config.schedule);
    this.loop = new TrainingLoop(
      {
        runId: record.id,
        config,
        model: training,
        batches,
        schedule,
        generate,
        sink: this,
        clock,
        memoryBytes,
        exclusive,
      },
      restore,
    );
  }

  /** Puts the run on the device, at its checkpoint where one is given. What was opened is closed when it fails. */
  static async open(
    parts: ActiveRunParts,
    record: RunRecord,
    restore: LoopSnapshot | null,
  ): Promise<ActiveRun> {
    const { config } = record;
    const lease = await parts.models.borrow({
      modelId: config.modelId,
      adapterId: config.startFromAdapterId,
      storage: config.baseStorage ?? 'f32',
    });
    let batches: PlanBatches | null = null;
    let training: TrainableModel | null = null;
    try {
      batches = await PlanBatches.open(parts.batches, batchPlanOf(record), {
        length: config.prefetch ?? DEFAULT_PREFETCH,
        now: () => parts.clock.now(),
      });
      const opened = batches;
      training = await parts.exclusive(() => createTraining(lease, config));
      const run = new ActiveRun(parts, record, lease, opened, training, restore);
      await run.#prepare(restore);
      parts.live.offer(record.id, lease.model, training);
      return run;
    } catch (error) {
      training?.dispose();
      await batches?.close().catch(() => undefined);
      lease.release();
      throw error;
    }
  }

  get record(): RunRecord {
    return this.#record;
  }

  get base(): ModelLease['model'] {
    return this.#lease.model;
  }

  /** Trainable weights as they stand. */
  exportWeights(): ReturnType<TrainableModel['exportWeights']> {
    return this.#parts.exclusive(() => this.#training.exportWeights());
  }

  /** Changes the record and stores it. */
  async update(changes: Partial<RunRecord>): Promise<RunRecord> {
    const { clock, evalLossBefore, evalLossBest, evalLossLast } = this.loop.state;
    const losses = { evalLossBefore, evalLossBest, evalLossLast };
    this.#record = {
      ...this.#record,
      clock: { ...clock },
      ...losses,
      ...changes,
      updatedAt: this.#parts.now(),
    };
    await this.#parts.database.put('runs', this.#record);
    return this.#record;
  }

  flush(): Promise<void> {
    return this.#log.flush();
  }

  /** Frees the weights and the batches and gives the base back. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#parts.live.withdraw(this.#record.id);
    this.#training.dispose();
    this.#lease.release();
    await this.#batches.close().catch(() => undefined);
  }

  async step(metrics: StepMetrics): Promise<void> {
    this.#record = { ...this.#record, lastMetrics: metrics };
    this.#parts.beat();
    this.#parts.bus.emit('training.step', metrics, TRAINING_SOURCE);
    if (this.#log.add({ kind: 'step', ...metrics })) await this.#persist();
  }

  epoch(epoch: number): void {
    this.#parts.bus.emit('training.epoch', { runId: this.#record.id, epoch }, TRAINING_SOURCE);
  }

  skipped(step: number, reason: string): void {
    const message = `Step ${step} was left out: ${reason}.`;
    const remedy = 'A few are harmless; if they go on, lower the learning rate or turn gradient clipping on.';
    const context = `run ${this.#record.config.name}`;
    this.#parts.bus.emit(
      'error.occurred',
      { code: 'training.step-skipped', message, remedy, context },
      TRAINING_SOURCE,
    );
  }

  evaluationStarted(step: number): void {
    this.#parts.beat();
    this.#parts.bus.emit('evaluation.started', { runId: this.#record.id, step }, TRAINING_SOURCE);
  }

  async evaluation(result: EvaluationResult): Promise<void> {
    this.#parts.bus.emit('evaluation.finished', result, TRAINING_SOURCE);
    this.#log.add({ kind: 'evaluation', ...result });
    await this.#persist();
  }

  async checkpoint(snapshot: LoopSnapshot): Promise<void> {
    // Figures are a courtesy: a data worker that does not tell them stops no run.
    const sampling = await this.#batches.samplingMetrics().catch(() => null);
    if (sampling !== null) this.#record = { ...this.#record, sampling };
    await this.#persist();
    const { checkpoints, bus } = this.#parts;
    const { id, config } = this.#record;
    const checkpoint = await checkpoints.save(id, snapshot, config.keepCheckpoints);
    bus.emit('checkpoint.saved', { checkpoint }, TRAINING_SOURCE);
  }

  async #persist(): Promise<void> {
    await this.#log.flush();
    await this.update({});
  }

  async #prepare(restore: LoopSnapshot | null): Promise<void> {
    const { totalSteps } = await this.loop.prepare();
    const { shares } = await this.#batches.summary();
    await this.#log.dropAfter(restore?.loop.clock.optimizerStep ?? -1);
    const { parameters, trainableParameters } = this.#training;
    const baseError = this.base.storageError;
    this.#record = {
      ...this.#record,
      ...{ totalSteps, parameters, trainableParameters, samples: this.#batches.samples },
      ...(shares === undefined ? {} : { shares }),
      ...(baseError === null ? {} : { baseError }),
    };
  }
}

function createTraining({ model, adapter }: ModelLease, config: TrainingConfig): Promise<TrainableModel> {
  if (config.method === 'full') return model.createFullTraining();
  return model.createLoraTraining(config.lora, config.seed, adapter);
}

function batchPlanOf({ config, samples, left }: RunRecord): BatchPlan {
  const { datasetId, modelId, sequenceLength, batchSize, trainOn, packing, evalShare, seed } = config;
  const rows = { datasetId, modelId, sequenceLength, batchSize, trainOn, packing, evalShare, seed };
  const plan = samples === undefined ? rows : { ...rows, samples };
  const { mix, gradientAccumulation, epochs, maxSteps } = config;
  if (mix === undefined) return plan;
  const until = maxSteps === null ? { epochs } : { microSteps: maxSteps * gradientAccumulation };
  return { ...plan, mix, gradientAccumulation, until, ...(left === undefined ? {} : { left }) };
}
