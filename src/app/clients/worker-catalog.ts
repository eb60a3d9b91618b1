// The three workers: where their entry is, what they can do, how long their calls may take. Deadlines guard against an
// answer that never comes; a worker that is merely slow is judged by its supervisor. null: as long as it lives.
import type { WorkerHandle } from '../../orchestrator/supervisor';
import type { WorkerKind } from '../../protocol/workers';

export interface WorkerEntry {
  capabilities: readonly string[];
  deadlineMs: number;
  deadlines: Record<string, number | null>;
  spawn: () => WorkerHandle;
}

const MINUTE = 60_000;

export const WORKER_CATALOG: Record<WorkerKind, WorkerEntry> = {
  engine: {
    capabilities: ['train', 'infer'],
    // An answer may have to wait for a training step of a slow backend.
    deadlineMs: 2 * MINUTE,
    deadlines: {
      health: MINUTE,
      selectBackend: 5 * MINUTE,
      selfTest: 5 * MINUTE,
      importModel: null,
      adoptDownload: null,
      importAdapter: null,
      startRun: null,
      resumeRun: null,
      resumeRunWithout: null,
      pauseRun: 10 * MINUTE,
      stopRun: 10 * MINUTE,
    },
    spawn: () =>
      new Worker(new URL('../../../workers/engine.worker.ts', import.meta.url), {
        type: 'module',
        name: 'fragua-engine',
      }),
  },
  data: {
    capabilities: ['tokenize', 'batches'],
    deadlineMs: 2 * MINUTE,
    deadlines: {
      reinterpret: null,
      summarize: null,
      lengthHistogram: null,
      // All rows are read, and what is kept of each.
      embeddingState: null,
      findSimilar: null,
      clearVectors: null,
      addSampleDataset: 5 * MINUTE,
      // A hub that is asked too often may want to be left alone for two minutes.
      inspectRepository: 10 * MINUTE,
      readModelConfig: 10 * MINUTE,
      discardDownload: null,
    },
    spawn: () =>
      new Worker(new URL('../../../workers/data.worker.ts', import.meta.url), {
        type: 'module',
        name: 'fragua-data',
      }),
  },
  features: {
    capabilities: ['export', 'search'],
    deadlineMs: MINUTE,
    deadlines: {
      exportAdapter: null,
      exportOptions: null,
      exportWorkspace: null,
      importWorkspace: null,
    },
    spawn: () =>
      new Worker(new URL('../../../workers/features.worker.ts', import.meta.url), {
        type: 'module',
        name: 'fragua-features',
      }),
  },
};
