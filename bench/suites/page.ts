// The page while a run trains with its charts open: the longest task of the main thread, in the thread's own processor
// time. The clock on the wall would also count what other processes take from it on a machine whose cores are all busy.
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppSession } from '../../scripts/app-session';
import { adapterLabel, median } from '../report';
import type { SuiteOptions, SuiteRun } from '../suite';

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  /** Thread time, microseconds. */
  tdur?: number;
  args?: { name?: string };
}

/** Tasks of the pages' main threads, milliseconds of processor time; one cut by an end of the trace has none. */
async function mainThreadTasks(path: string): Promise<number[]> {
  const { traceEvents } = JSON.parse(await readFile(path, 'utf8')) as { traceEvents: TraceEvent[] };
  const isMain = ({ name, args }: TraceEvent) => name === 'thread_name' && args?.name === 'CrRendererMain';
  const mains = new Set(traceEvents.filter(isMain).map(({ pid, tid }) => `${pid} ${tid}`));
  return traceEvents.flatMap(({ name, pid, tid, tdur }) =>
    name === 'ThreadControllerImpl::RunTask' && mains.has(`${pid} ${tid}`) && tdur !== undefined
      ? [tdur / 1000]
      : [],
  );
}

/** Starts a LoRA run on the embedded model and resolves after its third step. */
async function startRun({ page }: AppSession, steps: number): Promise<string> {
  await page.evaluate(() => {
    location.hash = '#/tune';
  });
  return page.evaluate(async (maxSteps) => {
    const { id: datasetId } = await fragua.data.addSampleDataset('forge-answers');
    const { id } = await fragua.engine.startRun({
      name: 'page',
      modelId: 'chispa',
      startFromAdapterId: null,
      datasetId,
      method: 'lora',
      lora: { rank: 8, alpha: 16, dropout: 0, targets: ['q', 'v'] },
      epochs: 1,
      maxSteps,
      batchSize: 2,
      gradientAccumulation: 1,
      sequenceLength: 64,
      packing: true,
      trainOn: 'assistant',
      evalShare: 0.02,
      learningRate: 1e-2,
      schedule: 'cosine',
      warmupRatio: 0.1,
      weightDecay: 0,
      maxGradNorm: 1,
      emaDecay: null,
      evalInterval: 10,
      earlyStoppingPatience: null,
      checkpointInterval: 10,
      keepCheckpoints: 2,
      samplePrompts: [],
      seed: 7,
    });
    for (;;) {
      const run = (await fragua.engine.listRuns()).find((run) => run.id === id);
      if ((run?.clock.optimizerStep ?? 0) >= 3) return id;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }, steps);
}

const untilEnd = ({ page }: AppSession, runId: string) =>
  page.evaluate(async (runId) => {
    for (;;) {
      const run = (await fragua.engine.listRuns()).find((run) => run.id === runId);
      if (run?.status !== 'running') return run?.status ?? 'gone';
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }, runId);

export async function pageSuite({ quick, backend }: SuiteOptions): Promise<SuiteRun> {
  const session = await AppSession.open({ backend, build: true });
  try {
    const browser = session.context.browser();
    if (browser === null) throw new Error('The browser cannot be traced.');
    const runId = await startRun(session, quick ? 20 : 200);
    const path = join(tmpdir(), `fragua-trace-${process.pid}.json`);
    await browser.startTracing(session.page, { path, categories: ['toplevel'] });
    const status = await untilEnd(session, runId);
    await browser.stopTracing();
    const tasks = await mainThreadTasks(path);
    const row = {
      run: status,
      tasks: tasks.length,
      'longest ms': Math.max(...tasks),
      'median ms': median(tasks),
      'over 50 ms': tasks.filter((duration) => duration > 50).length,
    };
    const device = await session.page.evaluate(() => fragua.engine.describeDevice());
    return {
      result: { suite: 'page', adapter: adapterLabel(device), rows: [row], ratios: {} },
      browserVersion: session.browserVersion,
    };
  } finally {
    await session.close();
  }
}
