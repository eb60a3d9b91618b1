// What is going on right now: the run that trains and its last figures. For the shell; the Fine-tune screen keeps the rest.
import type { EngineApi } from '../../protocol/engine';
import type { RunRecord, StepMetrics } from '../../protocol/training';
import type { Clients } from './clients';

export class Activity {
  #run = $state.raw<RunRecord | null>(null);
  #metrics = $state.raw<StepMetrics | null>(null);
  #loaded = $state(false);

  constructor(bus: Clients['bus']) {
    bus.on('training.started', ({ run }) => {
      this.#run = run;
      this.#metrics = run.lastMetrics;
      this.#loaded = true;
    });
    bus.on('training.step', (metrics) => {
      if (metrics.runId === this.#run?.id) this.#metrics = metrics;
    });
    bus.on('training.finished', ({ run }) => {
      if (run.id === this.#run?.id) this.#run = null;
    });
  }

  /** The run that is training, null when none is. */
  get run(): RunRecord | null {
    return this.#run;
  }

  /** False until it is known whether a run trains. */
  get loaded(): boolean {
    return this.#loaded;
  }

  get metrics(): StepMetrics | null {
    return this.#metrics;
  }

  /** 0 to 1. */
  get progress(): number {
    const run = this.#run;
    if (run === null || run.totalSteps === 0) return 0;
    return Math.min(1, (this.#metrics?.step ?? run.clock.optimizerStep) / run.totalSteps);
  }

  /** Finds a run that was already going when this tab opened. */
  async refresh(engine: Pick<EngineApi, 'listRuns'>): Promise<void> {
    const running = (await engine.listRuns()).find((run) => run.status === 'running');
    // An event that came meanwhile is newer.
    if (running !== undefined && !this.#loaded) {
      this.#run = running;
      this.#metrics = running.lastMetrics;
    }
    this.#loaded = true;
  }
}
