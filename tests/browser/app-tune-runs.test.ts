// The runs and datasets states against a hand-made engine: what the Fine-tune and Data screens rest on.
import { describe, expect, it } from 'vitest';
import { DatasetsState, type DatasetsClient } from '../../src/app/state/datasets.svelte';
import { RunsState, type RunsEngine } from '../../src/app/state/runs.svelte';
import { EventBus } from '../../src/core/event-bus';
import type { StepMetrics } from '../../src/protocol/training';

const unused = (): Promise<never> => Promise.reject(new Error('not used here'));

function step(number: number): StepMetrics {
  return {
    runId: 'r',
    step: number,
    totalSteps: 9,
    epoch: 0,
    loss: number,
    learningRate: 1e-3,
    gradNorm: 1,
    tokensPerSecond: 1,
    memoryBytes: 1,
    elapsedSeconds: number,
    remainingSeconds: null,
  };
}

function runsWith(
  frames: (() => void)[],
  calls: Partial<RunsEngine> = {},
): { runs: RunsState; bus: EventBus } {
  const engine: RunsEngine = {
    listRuns: () => Promise.resolve([]),
    listCheckpoints: () => Promise.resolve([]),
    startRun: unused,
    pauseRun: unused,
    resumeRun: unused,
    resumeRunWithout: unused,
    stopRun: unused,
    deleteRun: unused,
    adapterFromCheckpoint: unused,
    ...calls,
  };
  const bus = new EventBus();
  const metrics = {
    async *rows(_runId: string, kind: string) {
      await Promise.resolve();
      if (kind === 'step') yield [1, 2].map((number) => ({ kind: 'step' as const, ...step(number) }));
    },
  };
  return { runs: new RunsState(engine, bus, metrics, (callback) => frames.push(callback)), bus };
}

describe('RunsState', () => {
  it('RunsState: many steps between two frames ask for one frame and show at once', () => {
    const frames: (() => void)[] = [];
    const { runs, bus } = runsWith(frames);
    for (const number of [1, 2, 3]) bus.emit('training.step', step(number), 'test');
    expect(frames).toHaveLength(1);
    expect(runs.seriesOf('r').steps).toEqual([]);
    frames[0]?.();
    expect(runs.seriesOf('r').steps).toEqual([1, 2, 3]);
    expect(runs.revision).toBe(1);
  });

  it('RunsState: steps that come while stored ones are read stay behind them', async () => {
    const frames: (() => void)[] = [];
    const { runs, bus } = runsWith(frames);
    const loading = runs.loadSeries('r');
    bus.emit('training.step', step(3), 'test');
    await loading;
    expect(runs.seriesOf('r').steps).toEqual([1, 2, 3]);
  });

  it('RunsState: checkpoints that a dying worker did not list are said in place, and forgotten once they are', async () => {
    const answers: PromiseWithResolvers<never[]>[] = [];
    const { runs } = runsWith([], {
      listCheckpoints: () => {
        const answer = Promise.withResolvers<never[]>();
        answers.push(answer);
        return answer.promise;
      },
    });
    const failed = runs.loadCheckpoints('r');
    answers[0]?.reject(new Error('gone'));
    await failed;
    expect(runs.checkpointsErrorOf('r')).toEqual(new Error('gone'));

    const overtaken = runs.loadCheckpoints('r');
    const newest = runs.loadCheckpoints('r');
    answers[2]?.resolve([]);
    await newest;
    answers[1]?.reject(new Error('late'));
    await overtaken;
    expect(runs.checkpointsErrorOf('r')).toBeUndefined();
    expect(runs.checkpointsOf('r')).toEqual([]);
  });
});

describe('DatasetsState', () => {
  it('DatasetsState: cancelling an import ends it without a dataset and without an error', async () => {
    const client: DatasetsClient = {
      listDatasets: () => Promise.resolve([]),
      addSampleDataset: unused,
      reinterpret: unused,
      renameDataset: unused,
      deleteDataset: unused,
      applyFix: unused,
      undoStep: unused,
      async *importDataset(_files, _options, signal) {
        yield {
          type: 'progress',
          progress: { stage: 'reading', bytesDone: 1, bytesTotal: 2, samples: 0 },
        };
        await new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(new Error('cancelled')));
        });
      },
    };
    const datasets = new DatasetsState(client, () => Promise.resolve([]));
    const outcome = datasets.import([], { name: 'notes', onBadLine: 'stop', format: null, mapping: null });
    await expect.poll(() => datasets.job?.progress?.bytesDone).toBe(1);
    datasets.cancelImport();
    expect(await outcome).toBeNull();
    expect(datasets.job).toBeNull();
    expect(datasets.datasets).toEqual([]);
  });
});
