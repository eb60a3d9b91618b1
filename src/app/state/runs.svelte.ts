// Training runs as the page knows them: the list, the chosen one, its points and checkpoints, and the runs compared.
// Live events are gathered and shown once per animation frame. It trains nothing: the engine does.
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { EventBus } from '../../core/event-bus';
import type { EngineApi } from '../../protocol/engine';
import type { AdapterRecord } from '../../protocol/models';
import type {
  CheckpointRecord,
  EvaluationResult,
  RunRecord,
  StepMetrics,
  TrainingConfig,
} from '../../protocol/training';
import { plainMap } from './plain-collections';
import type { MetricsSource } from './runs-metrics';
import { RunSeries } from './runs-series';

export type RunsEngine = Pick<
  EngineApi,
  | 'listRuns'
  | 'startRun'
  | 'pauseRun'
  | 'resumeRun'
  | 'resumeRunWithout'
  | 'stopRun'
  | 'deleteRun'
  | 'listCheckpoints'
  | 'adapterFromCheckpoint'
>;

/** A change on its way to the engine; the buttons of that run wait for it. */
export type RunAction = 'start' | 'pause' | 'resume' | 'stop' | 'delete';

type LiveRow = { kind: 'step'; metrics: StepMetrics } | { kind: 'evaluation'; result: EvaluationResult };

/** Most runs that share one chart: as many as there are series colours. */
export const MAX_COMPARED = 5;

export class RunsState {
  readonly #engine: RunsEngine;
  readonly #metrics: MetricsSource;
  readonly #nextFrame: (callback: () => void) => void;
  readonly #unsubscribe: (() => void)[];
  readonly #series = plainMap<string, RunSeries>();
  readonly #loading = plainMap<string, Promise<void>>();
  readonly #checkpoints = new SvelteMap<string, readonly CheckpointRecord[]>();
  readonly #checkpointReads = plainMap<string, Promise<readonly CheckpointRecord[]>>();
  readonly #checkpointErrors = new SvelteMap<string, unknown>();
  readonly #pendingActions = new SvelteMap<string, RunAction>();
  readonly #live = new SvelteMap<string, StepMetrics>();
  readonly #evaluating = new SvelteSet<string>();
  #queue: LiveRow[] = [];
  #frameAsked = false;
  #runs = $state.raw<readonly RunRecord[]>([]);
  #loaded = $state(false);
  #starting = $state(false);
  #selectedId = $state<string | null>(null);
  #revision = $state(0);
  /** Runs whose evaluation curves are laid over each other, in the order they were ticked. */
  #compared = $state.raw<readonly string[]>([]);

  /** @param nextFrame runs a callback before the next paint; tests pass their own */
  constructor(
    engine: RunsEngine,
    bus: Pick<EventBus, 'on'>,
    metrics: MetricsSource,
    nextFrame: (callback: () => void) => void = (callback) => void requestAnimationFrame(callback),
  ) {
    this.#engine = engine;
    this.#metrics = metrics;
    this.#nextFrame = nextFrame;
    this.#unsubscribe = [
      bus.on('training.started', ({ run }) => {
        this.#put(run);
        this.#selectedId ??= run.id;
      }),
      bus.on('training.finished', ({ run }) => {
        this.#put(run);
        this.#evaluating.delete(run.id);
        void this.loadCheckpoints(run.id);
      }),
      bus.on('training.step', (metrics) => this.#enqueue({ kind: 'step', metrics })),
      bus.on('evaluation.started', ({ runId }) => this.#evaluating.add(runId)),
      bus.on('evaluation.finished', (result) => {
        this.#evaluating.delete(result.runId);
        this.#enqueue({ kind: 'evaluation', result });
      }),
      bus.on('checkpoint.saved', ({ checkpoint }) => {
        void this.loadCheckpoints(checkpoint.runId);
      }),
    ];
  }

  /** Newest first. */
  get runs(): readonly RunRecord[] {
    return this.#runs;
  }
  get loaded(): boolean {
    return this.#loaded;
  }
  get starting(): boolean {
    return this.#starting;
  }
  get selected(): RunRecord | null {
    return this.#runs.find((run) => run.id === this.#selectedId) ?? null;
  }
  get active(): RunRecord | null {
    return this.#runs.find((run) => run.status === 'running') ?? null;
  }
  get compared(): readonly RunRecord[] {
    return this.#compared.flatMap((id) => this.#runs.find((run) => run.id === id) ?? []);
  }

  select(runId: string | null): void {
    this.#selectedId = runId;
  }

  toggleCompared(runId: string): void {
    const rest = this.#compared.filter((id) => id !== runId);
    const added = rest.length === this.#compared.length;
    this.#compared = added ? [...rest, runId].slice(-MAX_COMPARED) : rest;
  }

  async refresh(): Promise<void> {
    const runs = await this.#engine.listRuns();
    this.#runs = [...runs].sort(newestFirst);
    this.#loaded = true;
    if (this.selected === null) this.#selectedId = (this.active ?? this.#runs[0])?.id ?? null;
  }

  /** Points of a run, reactive: reading it again after a frame shows what came since. Empty until `loadSeries`. */
  seriesOf(runId: string): RunSeries {
    void this.#revision;
    return this.#seriesFor(runId);
  }

  /** Changes when points were added; for values derived from `seriesOf`. */
  get revision(): number {
    return this.#revision;
  }

  /** Newest metrics of a run: live ones first, else those stored with it. */
  lastMetrics(run: RunRecord): StepMetrics | null {
    return this.#live.get(run.id) ?? run.lastMetrics;
  }

  isEvaluating(runId: string): boolean {
    return this.#evaluating.has(runId);
  }

  /** Reads the stored points once; live ones that arrive meanwhile are kept. */
  loadSeries(runId: string): Promise<void> {
    const known = this.#loading.get(runId);
    if (known !== undefined) return known;
    const loading = this.#readSeries(runId).catch((error: unknown) => {
      this.#loading.delete(runId);
      throw error;
    });
    this.#loading.set(runId, loading);
    return loading;
  }

  /** Newest first; null until they were loaded. */
  checkpointsOf(runId: string): readonly CheckpointRecord[] | null {
    return this.#checkpoints.get(runId) ?? null;
  }

  /** Why the newest `loadCheckpoints` failed; undefined when it did not. */
  checkpointsErrorOf(runId: string): unknown {
    return this.#checkpointErrors.get(runId);
  }

  /** Never rejects: nobody asked for it with a click, so a failure stays where the checkpoints would be. */
  async loadCheckpoints(runId: string): Promise<void> {
    const read = this.#engine.listCheckpoints(runId);
    this.#checkpointReads.set(runId, read);
    const overtaken = () => this.#checkpointReads.get(runId) !== read;
    try {
      const found = await read;
      if (overtaken()) return;
      this.#checkpoints.set(
        runId,
        [...found].sort((a, b) => b.step - a.step),
      );
      this.#checkpointErrors.delete(runId);
    } catch (error) {
      if (!overtaken()) this.#checkpointErrors.set(runId, error);
    }
  }

  actionOf(runId: string): RunAction | null {
    return this.#pendingActions.get(runId) ?? null;
  }

  async start(config: TrainingConfig): Promise<RunRecord> {
    this.#starting = true;
    try {
      const run = await this.#engine.startRun(config);
      this.#put(run);
      this.#selectedId = run.id;
      return run;
    } finally {
      this.#starting = false;
    }
  }

  async pause(runId: string): Promise<void> {
    this.#put(await this.#during(runId, 'pause', () => this.#engine.pauseRun(runId)));
  }

  async resume(runId: string): Promise<void> {
    this.#put(await this.#during(runId, 'resume', () => this.#engine.resumeRun(runId)));
  }

  async resumeWithout(runId: string, datasetId: string): Promise<void> {
    const resume = () => this.#engine.resumeRunWithout(runId, datasetId);
    this.#put(await this.#during(runId, 'resume', resume));
  }

  async stop(runId: string): Promise<void> {
    this.#put(await this.#during(runId, 'stop', () => this.#engine.stopRun(runId)));
  }

  async delete(runId: string): Promise<void> {
    await this.#during(runId, 'delete', () => this.#engine.deleteRun(runId));
    this.#runs = this.#runs.filter((run) => run.id !== runId);
    this.#compared = this.#compared.filter((id) => id !== runId);
    this.#series.delete(runId);
    this.#loading.delete(runId);
    this.#checkpoints.delete(runId);
    this.#checkpointReads.delete(runId);
    this.#checkpointErrors.delete(runId);
    this.#live.delete(runId);
    if (this.#selectedId === runId) this.#selectedId = this.#runs[0]?.id ?? null;
  }

  adapterFrom(checkpoint: CheckpointRecord, name: string): Promise<AdapterRecord> {
    return this.#engine.adapterFromCheckpoint(checkpoint.id, name);
  }

  /** The run and all its points, as one JSON document. */
  async exportJson(run: RunRecord): Promise<Blob> {
    await this.loadSeries(run.id);
    const { steps, loss, learningRate, gradNorm, tokensPerSecond, memoryBytes, evaluations } =
      this.#seriesFor(run.id);
    const columns = { steps, loss, learningRate, gradNorm, tokensPerSecond, memoryBytes };
    const document = { kind: 'fragua-run', version: 1, run, columns, evaluations };
    return new Blob([JSON.stringify(document)], { type: 'application/json' });
  }

  dispose(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
  }

  async #during<Result>(runId: string, action: RunAction, call: () => Promise<Result>): Promise<Result> {
    this.#pendingActions.set(runId, action);
    try {
      return await call();
    } finally {
      this.#pendingActions.delete(runId);
    }
  }

  #put(run: RunRecord): void {
    const others = this.#runs.filter((existing) => existing.id !== run.id);
    this.#runs = [...others, run].sort(newestFirst);
  }

  #seriesFor(runId: string): RunSeries {
    const known = this.#series.get(runId);
    if (known !== undefined) return known;
    const fresh = new RunSeries();
    this.#series.set(runId, fresh);
    return fresh;
  }

  async #readSeries(runId: string): Promise<void> {
    const stored = new RunSeries();
    for (const kind of ['step', 'evaluation'] as const) {
      for await (const page of this.#metrics.rows(runId, kind)) {
        for (const row of page) stored.add(row);
        await new Promise<void>((resolve) => setTimeout(resolve));
      }
    }
    this.#flush();
    stored.append(this.#seriesFor(runId));
    this.#series.set(runId, stored);
    this.#revision += 1;
  }

  #enqueue(row: LiveRow): void {
    this.#queue.push(row);
    if (this.#frameAsked) return;
    this.#frameAsked = true;
    this.#nextFrame(() => {
      this.#frameAsked = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#queue.length === 0) return;
    const rows = this.#queue;
    this.#queue = [];
    for (const row of rows) {
      if (row.kind === 'step') {
        this.#seriesFor(row.metrics.runId).push(row.metrics);
        this.#live.set(row.metrics.runId, row.metrics);
      } else {
        this.#seriesFor(row.result.runId).pushEvaluation(row.result);
      }
    }
    this.#revision += 1;
  }
}

function newestFirst(a: RunRecord, b: RunRecord): number {
  return b.createdAt - a.createdAt;
}
