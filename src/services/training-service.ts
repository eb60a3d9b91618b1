// Training runs from the first step to the adapter they leave: start, pause, resume, stop, delete, one at a time.
// A run that ends for whatever reason keeps its checkpoints; one that met a full disk stays on the device, so that
// nothing it learnt is lost before there is room again. One whose data is gone pauses, and can go on without that dataset.
import { assertTrainingConfig } from '../core/config/training-config';
import { AppError, hasCode, messageOf } from '../lib/errors';
import type { ModelRecord } from '../protocol/models';
import type {
  CheckpointRecord,
  RunRecord,
  RunStatus,
  TrainingConfig,
  TrainingPlan,
} from '../protocol/training';
import type { StateArrays } from '../models/trainable-model';
import type { LoopOutcome } from '../training/training-loop';
import { leftByThen, lostSourceOf, withoutDataset } from '../training/lost-source';
import { MetricLog } from '../training/metric-log';
import { ActiveRun, TRAINING_SOURCE, type ActiveRunParts } from './active-run';
import { checkpointWeights } from './checkpoint-weights';
import type { ModelBackend } from './model-backend';
import type { ModelCatalog } from './model-catalog';
import type { ModelLibrary } from './model-library';
import { reportError } from './report-error';
import { withWhatFits } from './what-fits';

export interface TrainingServiceParts extends ActiveRunParts {
  catalog: ModelCatalog;
  library: ModelLibrary;
  backend: Pick<ModelBackend, 'plan'>;
  /** Names of the schedules on offer. */
  schedules: () => string[];
  /** Name of the backend in use. */
  backendName: () => string;
  createId: () => string;
}

/** The one run on the device: under way, or held in memory after its disk was full. */
interface Current {
  runId: string;
  run: ActiveRun | null;
  /** Settles when the run has come to rest, never rejects. */
  settled: Promise<void>;
  running: boolean;
}

interface BestCheckpoint {
  step: number;
  weights: StateArrays;
}

export class TrainingService {
  readonly #parts: TrainingServiceParts;
  #current: Current | null = null;

  constructor(parts: TrainingServiceParts) {
    this.#parts = parts;
  }

  get running(): boolean {
    return this.#current?.running ?? false;
  }

  /** A run that is on the device, under way or held. */
  get active(): boolean {
    return this.#current !== null;
  }

  /** Resolves when no run is under way. */
  async settled(): Promise<void> {
    await this.#current?.settled;
  }

  /** At start: runs that a closed tab or a dead worker left behind, and files that belong to no checkpoint. */
  async recover(): Promise<void> {
    for (const run of await this.#parts.database.getAll('runs')) {
      if (run.status !== 'running') continue;
      const note =
        'The tab was closed or the engine stopped while it ran. Resume goes on from its last checkpoint.';
      const interrupted = { ...run, status: 'interrupted' as const, note, updatedAt: this.#parts.now() };
      await this.#parts.database.put('runs', interrupted);
      // Pages that watched it, in this tab or another, still take it for a run under way.
      this.#parts.bus.emit('training.finished', { run: interrupted }, TRAINING_SOURCE);
    }
    await this.#parts.checkpoints.sweepOrphans();
  }

  async plan(config: TrainingConfig): Promise<TrainingPlan> {
    const base = await this.#validate(config);
    return this.#parts.backend.plan(config, base);
  }

  /** @throws AppError `training.invalid`, `training.busy`, or why model or data could not be opened. */
  async start(config: TrainingConfig): Promise<RunRecord> {
    const base = await this.#validate(config);
    const record = newRun(config, this.#parts, base);
    return this.#occupy(record.id, async () => {
      const run = await ActiveRun.open(this.#parts, record, null).catch(async (error: unknown) => {
        throw await this.#withWhatFits(error, config, base);
      });
      return { run, resumed: false };
    });
  }

  async pause(runId: string): Promise<RunRecord> {
    const current = this.#current;
    if (current?.runId !== runId || !current.running) return this.find(runId);
    current.run?.loop.requestPause();
    await current.settled;
    return this.find(runId);
  }

  /** @throws AppError `run.unknown`, `training.busy`, `checkpoint.corrupt` where none of its checkpoints is whole. */
  async resume(runId: string): Promise<RunRecord> {
    const current = this.#current;
    if (current?.runId === runId && current.run !== null) {
      return current.running ? current.run.record : this.#launch(current, current.run, true);
    }
    const record = await this.find(runId);
    if (record.status === 'finished') {
      throw new AppError('training.invalid', `The run ${record.config.name} is finished already.`, {
        remedy: 'Start a new run from its adapter.',
      });
    }
    return this.#occupy(runId, async () => ({ run: await this.#reopen(record), resumed: true }));
  }

  /** @throws AppError `training.invalid` where the run has no such dataset, or no other one. */
  async resumeWithout(runId: string, datasetId: string): Promise<RunRecord> {
    const record = await this.find(runId);
    if (record.status === 'running') return record;
    const left = withoutDataset(record, datasetId);
    await this.#parts.database.put('runs', { ...record, left });
    return this.resume(runId).catch(async (error: unknown) => {
      // Unless another dataset is gone as well, nothing was decided yet.
      const now = await this.find(runId);
      const undecided = lostSourceOf(error) === null;
      if (undecided) await this.#parts.database.put('runs', { ...now, left: record.left ?? [] });
      throw error;
    });
  }

  /** Keeps what was learnt: of the run under way, of a held one, or of the last checkpoint of any other. */
  async stop(runId: string): Promise<RunRecord> {
    const current = this.#current;
    if (current?.runId === runId && current.run !== null) {
      if (current.running) {
        current.run.loop.requestStop();
        await current.settled;
      } else await this.#conclude(current, current.run, { status: 'stopped' });
      return this.find(runId);
    }
    const record = await this.find(runId);
    if (record.status === 'finished' || record.status === 'stopped') return record;
    return this.#stopAtRest(record);
  }

  async delete(runId: string): Promise<void> {
    if (this.#current?.runId === runId) {
      if (this.#current.running) throw busy('It is under way.');
      await this.#release(this.#current);
    }
    await this.#parts.database.delete('runs', runId);
    await new MetricLog(this.#parts.database, runId).removeAll();
    await this.#parts.checkpoints.removeRun(runId);
  }

  /** Newest first. */
  async list(): Promise<RunRecord[]> {
    const runs = await this.#parts.database.getAll('runs');
    return runs.sort((a, b) => b.createdAt - a.createdAt);
  }

  listCheckpoints(runId: string): Promise<CheckpointRecord[]> {
    return this.#parts.checkpoints.list(runId);
  }

  async find(runId: string): Promise<RunRecord> {
    const record = await this.#parts.database.get('runs', runId);
    if (record !== undefined) return record;
    throw new AppError('run.unknown', `There is no run with the id "${runId}".`, {
      remedy: 'Choose one of the runs listed; it may have been deleted in another tab.',
    });
  }

  /** @throws AppError `training.invalid` for a full run: its checkpoints are models, not adapters. */
  async adapterFromCheckpoint(checkpointId: string, name: string) {
    const checkpoint = await this.#parts.checkpoints.find(checkpointId);
    const { config } = await this.find(checkpoint.runId);
    if (config.method !== 'lora') {
      throw new AppError('training.invalid', 'A checkpoint of a full fine-tuning holds no adapter.', {
        remedy: 'Resume the run and stop it: its model is kept.',
      });
    }
    const base = await this.#parts.catalog.findModel(config.modelId);
    const { model } = await this.#parts.checkpoints.load(checkpoint);
    const weights = checkpointWeights(model.arrays);
    return this.#parts.library.keepAdapter(name, base, config, weights, checkpoint.runId);
  }

  /** Writes a checkpoint of a run under way and frees the device. */
  async dispose(): Promise<void> {
    const current = this.#current;
    if (current === null) return;
    current.run?.loop.requestPause();
    await current.settled;
    await this.#release(current);
  }

  async #validate(config: TrainingConfig): Promise<ModelRecord> {
    assertTrainingConfig(config, { schedules: this.#parts.schedules() });
    const base = await this.#parts.catalog.findModel(config.modelId);
    const limits = { schedules: this.#parts.schedules(), contextLength: base.contextLength };
    assertTrainingConfig(config, limits);
    return base;
  }

  /** Takes the one place, opens the run and sets it going; gives the place back when opening fails. */
  async #occupy(
    runId: string,
    open: () => Promise<{ run: ActiveRun; resumed: boolean }>,
  ): Promise<RunRecord> {
    if (this.#current !== null) {
      const other = this.#current.run?.record.config.name ?? 'Another run';
      throw busy(
        this.#current.running ? `${other} is under way.` : `${other} waits in memory for disk space.`,
      );
    }
    const current: Current = { runId, run: null, settled: Promise.resolve(), running: true };
    this.#current = current;
    try {
      const { run, resumed } = await open();
      current.run = run;
      return await this.#launch(current, run, resumed);
    } catch (error) {
      if (current.run !== null) await current.run.close();
      if (this.#current === current) this.#current = null;
      throw error;
    }
  }

  async #launch(current: Current, run: ActiveRun, resumed: boolean): Promise<RunRecord> {
    current.running = true;
    const settled = { status: 'running', note: null, backend: this.#parts.backendName() } as const;
    const record = await run.update(run.record.lost ? { ...settled, lost: null } : settled);
    this.#parts.bus.emit('training.started', { run: record, resumed }, TRAINING_SOURCE);
    current.settled = this.#drive(current, run);
    return record;
  }

  async #reopen(record: RunRecord): Promise<ActiveRun> {
    const loaded = await this.#parts.checkpoints.loadLatest(record.id);
    for (const { error } of loaded?.corrupt ?? []) this.#report(error, record);
    const restored = leftByThen(record, loaded?.snapshot.loop.clock.microStep ?? 0);
    const run = await ActiveRun.open(this.#parts, restored, loaded?.snapshot ?? null).catch(
      async (error: unknown) => {
        await this.#noteLost(record, error);
        throw error;
      },
    );
    if (loaded !== null) {
      this.#parts.bus.emit('checkpoint.loaded', { checkpoint: loaded.record }, TRAINING_SOURCE);
    }
    return run;
  }

  /** Data that was gone before a run at rest could go on: it is offered the same choice. */
  async #noteLost(record: RunRecord, error: unknown): Promise<void> {
    const lost = lostSourceOf(error);
    if (lost === null) return;
    const run = { ...record, status: 'paused' as const, lost, note: lost.message };
    await this.#parts.database.put('runs', run);
    this.#parts.bus.emit('training.finished', { run }, TRAINING_SOURCE);
  }

  /** Never rejects: a run that fails says so in its record and on the bus. */
  async #drive(current: Current, run: ActiveRun): Promise<void> {
    try {
      const outcome = await run.loop.run();
      await this.#conclude(current, run, outcome);
    } catch (error) {
      if (hasCode(error, 'storage.quota')) await this.#hold(current, run, error);
      else await this.#fail(current, run, error);
    }
  }

  async #conclude(current: Current, run: ActiveRun, outcome: LoopOutcome): Promise<void> {
    if (outcome.status === 'paused') {
      const lost = lostSourceOf(outcome.error);
      if (outcome.error !== null && lost === null) return this.#hold(current, run, outcome.error);
      await run.flush();
      if (lost !== null) this.#report(outcome.error, run.record);
      const why = lost === null ? {} : { lost, note: lost.message };
      return this.#rest(current, run, { status: 'paused', ...why });
    }
    await run.flush();
    const early = outcome.status === 'finished' && outcome.early;
    const best = early ? await this.#bestCheckpoint(run) : null;
    const result = await this.#keepResult(run, best);
    const note = early ? earlyNote(best) : null;
    await this.#rest(current, run, { ...result, status: outcome.status, note });
  }

  /** The checkpoint of the lowest evaluation loss; null where that was not kept or cannot be read. */
  async #bestCheckpoint(run: ActiveRun): Promise<BestCheckpoint | null> {
    const { checkpoints } = this.#parts;
    const { evalLossBest } = run.loop.state;
    const records = await checkpoints.list(run.record.id);
    const record = records.findLast(({ evalLoss }) => evalLoss !== null && evalLoss === evalLossBest);
    if (record === undefined) return null;
    try {
      const { model } = await checkpoints.load(record);
      return { step: record.step, weights: checkpointWeights(model.arrays) };
    } catch (error) {
      this.#report(error, run.record);
      return null;
    }
  }

  /** @param best what is kept in place of the weights as they stand. */
  async #keepResult(
    run: ActiveRun,
    best: BestCheckpoint | null,
  ): Promise<Pick<RunRecord, 'adapterId' | 'tunedModelId'>> {
    const { id, config, adapterId, tunedModelId } = run.record;
    // A run without a step has nothing to keep; one that is concluded again after a full disk has kept it already.
    if (run.loop.state.clock.optimizerStep === 0 || adapterId !== null || tunedModelId !== null) {
      return { adapterId, tunedModelId };
    }
    const weights = best?.weights ?? (await run.exportWeights());
    const base = run.base.record;
    if (config.method === 'full') {
      const model = await this.#parts.library.keepModel(config.name, base, weights);
      return { adapterId: null, tunedModelId: model.id };
    }
    const adapter = await this.#parts.library.keepAdapter(config.name, base, config, weights, id);
    return { adapterId: adapter.id, tunedModelId: null };
  }

  /** The device is free before anyone hears of it, so that what is asked for next finds it free. */
  async #rest(current: Current, run: ActiveRun, changes: Partial<RunRecord>): Promise<void> {
    const record = await run.update(changes);
    await this.#release(current);
    this.#parts.bus.emit('training.finished', { run: record }, TRAINING_SOURCE);
  }

  /** A full disk: the run stays on the device. Even its record may not fit; then only the event tells. */
  async #hold(current: Current, run: ActiveRun, error: AppError): Promise<void> {
    current.running = false;
    this.#report(error, run.record);
    const changes = { status: 'paused' as const, note: error.message };
    const record = await run.update(changes).catch(() => ({ ...run.record, ...changes }));
    this.#parts.bus.emit('training.finished', { run: record }, TRAINING_SOURCE);
  }

  #withWhatFits(error: unknown, config: TrainingConfig, base: ModelRecord): Promise<Error> {
    const { backend } = this.#parts;
    return withWhatFits(error, config, async (smaller) => (await backend.plan(smaller, base)).memory);
  }

  async #fail(current: Current, run: ActiveRun, reason: unknown): Promise<void> {
    const error = await this.#withWhatFits(reason, run.record.config, run.base.record);
    const deviceLost = hasCode(error, 'engine.device-lost');
    // Whoever lost the device has told of it already.
    if (!deviceLost) this.#report(error, run.record);
    // A lost device or a dead data worker is nobody's mistake: such a run can simply go on.
    const outside = deviceLost || hasCode(error, 'worker.dead');
    const status: RunStatus = outside ? 'interrupted' : 'failed';
    await run.flush().catch(() => undefined);
    const remedy = hasCode(error, 'engine.out-of-memory') ? ` ${error.remedy ?? ''}` : '';
    const changes = { status, note: `${messageOf(error)}${remedy}` };
    const record = await run.update(changes).catch(() => ({ ...run.record, ...changes }));
    await this.#release(current);
    this.#parts.bus.emit('training.finished', { run: record }, TRAINING_SOURCE);
  }

  /** Of a run that is not on the device: what its last checkpoint holds is what it learnt. */
  async #stopAtRest(record: RunRecord): Promise<RunRecord> {
    const loaded = await this.#parts.checkpoints.loadLatest(record.id);
    const settled = record.lost ? { lost: null, note: null } : {};
    const changes: Partial<RunRecord> = { ...settled, status: 'stopped', updatedAt: this.#parts.now() };
    if (loaded !== null) {
      const { config } = record;
      const base = await this.#parts.catalog.findModel(config.modelId);
      const weights = checkpointWeights(loaded.snapshot.model.arrays);
      if (config.method === 'full') {
        changes.tunedModelId = (await this.#parts.library.keepModel(config.name, base, weights)).id;
      } else {
        const { library } = this.#parts;
        const adapter = await library.keepAdapter(config.name, base, config, weights, record.id);
        changes.adapterId = adapter.id;
      }
    }
    const stopped = { ...record, ...changes };
    await this.#parts.database.put('runs', stopped);
    this.#parts.bus.emit('training.finished', { run: stopped }, TRAINING_SOURCE);
    return stopped;
  }

  async #release(current: Current): Promise<void> {
    current.running = false;
    if (this.#current === current) this.#current = null;
    await current.run?.close();
  }

  #report(error: unknown, { config }: RunRecord): void {
    reportError(this.#parts.bus, error, `run ${config.name}`, TRAINING_SOURCE);
  }
}

function earlyNote(best: BestCheckpoint | null): string {
  const fact = 'Stopped early: the evaluation loss no longer fell.';
  return best === null ? fact : `${fact} Kept: the weights of step ${best.step}, where it was lowest.`;
}

function newRun(
  config: TrainingConfig,
  { createId, now, backendName }: Pick<TrainingServiceParts, 'createId' | 'now' | 'backendName'>,
  base: ModelRecord,
): RunRecord {
  return {
    id: createId(),
    config,
    status: 'running',
    clock: { epoch: 0, microStep: 0, optimizerStep: 0 },
    totalSteps: 0,
    parameters: base.parameters,
    trainableParameters: 0,
    backend: backendName(),
    evalLossBefore: null,
    evalLossBest: null,
    evalLossLast: null,
    lastMetrics: null,
    adapterId: null,
    tunedModelId: null,
    note: null,
    createdAt: now(),
    updatedAt: now(),
  };
}

function busy(fact: string): AppError<'training.busy'> {
  return new AppError('training.busy', `One run at a time: ${fact}`, {
    remedy: 'Pause or stop it first.',
  });
}
