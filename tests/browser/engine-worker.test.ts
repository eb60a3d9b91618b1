// The real workers behind the real clients: a file in, a run killed in the middle and resumed, an answer cut short.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AppClients } from '../../src/app/clients/app-clients';
import { createClients } from '../../src/app/clients/create-clients';
import { WORKER_CATALOG } from '../../src/app/clients/worker-catalog';
import { openDatabase } from '../../src/core/database';
import { OpfsBlobStore } from '../../src/lib/storage/opfs-blob-store';
import type { DatasetRecord } from '../../src/protocol/datasets';
import type { RunRecord, TrainingConfig } from '../../src/protocol/training';
import { tinyConfig, tinyModelFiles } from './engine-fixture';

const engines: EventTarget[] = [];
let clients: AppClients;
let dataset: DatasetRecord;
let modelId = '';

async function importJsonl(): Promise<DatasetRecord> {
  const lines = Array.from({ length: 12 }, (_, i) =>
    JSON.stringify({ prompt: `${i} plus 1`, completion: `${i + 1}` }),
  );
  const files = [{ name: 'sums.jsonl', blob: new Blob([lines.join('\n')]) }];
  const options = { name: 'Sums', onBadLine: 'stop', format: null, mapping: null } as const;
  for await (const event of clients.data.importDataset(files, options)) {
    if (event.type === 'outcome' && event.outcome.status === 'stored') return event.outcome.dataset;
  }
  throw new Error('The file was not stored.');
}

beforeAll(async () => {
  const engine = {
    ...WORKER_CATALOG.engine,
    spawn: () => {
      const worker = WORKER_CATALOG.engine.spawn();
      engines.push(worker as unknown as EventTarget);
      return worker;
    },
  };
  clients = createClients({
    catalog: { ...WORKER_CATALOG, engine },
    groupName: `real-${crypto.randomUUID()}`,
  });
  await clients.engine.selectBackend('wasm');
  ({ id: modelId } = await clients.engine.importModel('Tiny', tinyModelFiles()));
  dataset = await importJsonl();
});

afterAll(async () => {
  for (const { id } of await clients.engine.listRuns()) await clients.engine.deleteRun(id);
  await clients.engine.deleteModel(modelId);
  await clients.data.deleteDataset(dataset.id);
  await clients.dispose();
});

const configOf = (changes: Partial<TrainingConfig> = {}): TrainingConfig =>
  tinyConfig({ modelId, datasetId: dataset.id, sequenceLength: 32, ...changes });

/** The record of the next run that comes to rest. */
function nextRest(): Promise<RunRecord> {
  return new Promise((resolve) => clients.bus.once('training.finished', ({ run }) => resolve(run)));
}

/** What the page's own look into the database finds. */
async function storedLosses(runId: string): Promise<(number | null)[]> {
  const database = await openDatabase();
  const rows = await database.getAll('runMetrics', IDBKeyRange.bound([runId], [runId, []]));
  database.close();
  return rows.flatMap((row) => (row.kind === 'step' ? [row.loss] : []));
}

describe('real workers', () => {
  test('data: a JSONL file lies in the private file system, previews and renders', async () => {
    const { engine, data } = clients;
    expect(dataset).toMatchObject({ samples: 12, format: 'completion', sampleId: null });
    expect(dataset.reason).toMatch(/prompt/);
    const files = await OpfsBlobStore.open('fragua');
    const stored = await files.list(dataset.folder);
    expect(stored.length).toBeGreaterThan(0);
    expect(stored.every(({ sizeBytes }) => sizeBytes > 0)).toBe(true);
    const [shown] = await data.preview(dataset.id, 2, 1);
    expect(shown?.sample).toMatchObject({
      kind: 'turns',
      turns: [{ content: '2 plus 1' }, { content: '3' }],
    });
    expect((await engine.planTraining(configOf())).trainableParameters).toBeGreaterThan(0);
  });

  test('training: killed in the middle, resumed in a new worker, the losses of a run that was left alone', async () => {
    const rested = nextRest();
    const whole = await clients.engine.startRun(configOf());
    expect(await rested).toMatchObject({ id: whole.id, status: 'finished' });

    const killed = new Promise<void>((resolve) => {
      const off = clients.bus.on('training.step', ({ step }) => {
        if (step !== 3) return;
        off();
        // What the browser says of a worker that died; whoever hears it ends the worker for good.
        engines.at(-1)?.dispatchEvent(new ErrorEvent('error', { message: 'killed' }));
        resolve();
      });
    });
    const { id } = await clients.engine.startRun(configOf());
    await killed;
    const workers = engines.length;
    await clients.engine.selectBackend('wasm');
    expect(engines.length).toBe(workers + 1);
    const found = (await clients.engine.listRuns()).find((run) => run.id === id);
    expect(found).toMatchObject({ status: 'interrupted' });
    const finished = nextRest();
    await clients.engine.resumeRun(id);
    expect(await finished).toMatchObject({ id, status: 'finished', clock: { optimizerStep: 4 } });
    expect(await storedLosses(id)).toEqual(await storedLosses(whole.id));
    expect(await storedLosses(id)).toHaveLength(4);
  });

  test('generation: streams, and a cancelled answer ends at once with its last word', async () => {
    const abort = new AbortController();
    const request = {
      target: { modelId, adapterId: null },
      input: { prompt: 'hello' },
      sampling: { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: null },
      maxTokens: 900,
      stop: [],
    };
    let texts = 0;
    let cancelledAt = 0;
    let last: unknown = null;
    for await (const event of clients.engine.generate(request, abort.signal)) {
      last = event;
      if (event.type !== 'text') continue;
      texts += 1;
      if (texts !== 3) continue;
      cancelledAt = performance.now();
      abort.abort();
    }
    const milliseconds = performance.now() - cancelledAt;
    console.info(`cancelled answer: ended after ${milliseconds.toFixed(0)} ms`);
    expect(last).toMatchObject({ type: 'finish', reason: 'cancelled' });
    expect(milliseconds).toBeLessThan(1_000);
  });
});
