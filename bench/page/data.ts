// Data on its way to training, measured in workers as the app has them: a large stored dataset, its first batch, its whole
// length, its tokens, and a training that takes its batches from there.
import { releaseProxy, type Remote, wrap } from 'comlink';
import { browserClock } from '../../src/lib/async/browser-clock';
import type { EngineDevice } from '../../src/engine';
import { PlanBatches } from '../../src/training/plan-batches';
import { CHISPA } from '../cases';
import type { DataRig, Spent, Tokenised } from './data-rig';
import { PLAN } from './data-rig';
import type { DataWorker } from './data-worker';
import { openTrainer } from './trainers';

interface OpenWorker {
  worker: Worker;
  rig: Remote<DataRig>;
}

export interface FirstBatch {
  milliseconds: number;
  /** Of a further one, on average. */
  batchMs: number;
}

/** Steps that compile; they do not count. */
const WARM_UP = 2;

let streaming: OpenWorker | null = null;

async function openWorker(): Promise<OpenWorker> {
  const worker = new Worker(new URL('./data-worker.ts', import.meta.url), { type: 'module' });
  return { worker, rig: await wrap<DataWorker>(worker).open() };
}

function close({ worker, rig }: OpenWorker): void {
  rig[releaseProxy]();
  worker.terminate();
}

async function inWorker<T>(work: (rig: Remote<DataRig>) => Promise<T>): Promise<T> {
  const open = await openWorker();
  try {
    return await work(open.rig);
  } finally {
    close(open);
  }
}

const storeData = (bytes: number) => inWorker((rig) => rig.store(bytes));
const removeData = () => inWorker((rig) => rig.remove());

/** The worker that is watched from outside while it streams. */
async function openStreaming(): Promise<void> {
  streaming = await openWorker();
  await streaming.rig.openPlan();
}

function closeStreaming(): void {
  if (streaming !== null) close(streaming);
  streaming = null;
}

/** From a worker that is not there yet to a batch of a plan that nobody has opened. */
async function firstBatch(further: number): Promise<FirstBatch> {
  const started = performance.now();
  return inWorker(async (rig) => {
    const { planId } = await rig.openPlan();
    await rig.trainBatch(planId, 0);
    const milliseconds = performance.now() - started;
    return { milliseconds, batchMs: await rig.batchMs(planId, further) };
  });
}

/** All samples read, then a slice of them tokenised, in the worker that is open. */
async function streamData(slice: number): Promise<{ read: Spent; tokenised: Spent }> {
  if (streaming === null) throw new Error('No worker is open.');
  return { read: await streaming.rig.readAll(), tokenised: await streaming.rig.tokenise(0, slice) };
}

const compareTokenizers = (slice: number, turns: number): Promise<Tokenised> =>
  inWorker((rig) => rig.compare(0, slice, turns));

/** The same slice made, and read back by the next session. */
async function tokensReadBack(slice: number): Promise<{ made: Spent; readBack: Spent }> {
  const made = await inWorker((rig) => rig.tokenise(0, slice, true));
  return { made, readBack: await inWorker((rig) => rig.tokenise(0, slice, true)) };
}

/** @returns MB/s of so many workers at once, each on a slice of its own. */
async function tokeniseIn(workers: number, slice: number): Promise<number> {
  const open = await Promise.all(Array.from({ length: workers }, openWorker));
  try {
    // Loaded and warm before the clock starts.
    await Promise.all(open.map(({ rig }, i) => rig.tokenise(i * slice, Math.ceil(slice / 4))));
    const started = performance.now();
    const spent = await Promise.all(open.map(({ rig }, i) => rig.tokenise(i * slice, slice)));
    const bytes = spent.reduce((sum, part) => sum + part.bytes, 0);
    return bytes / 1e3 / (performance.now() - started);
  } finally {
    for (const one of open) close(one);
  }
}

/** Share of a training's time in which it waits for batches. @param prefetch batches made ahead. */
async function dataWait(device: EngineDevice, prefetch: number, steps: number): Promise<number> {
  const trainer = await openTrainer(device, 'planned', CHISPA);
  try {
    return await inWorker(async (rig) => {
      const api = {
        openPlan: () => rig.openPlan(),
        closePlan: (planId: string) => rig.closePlan(planId),
        trainBatch: (planId: string, index: number) => rig.trainBatch(planId, index),
        evalBatch: () => Promise.reject(new Error('Nothing is evaluated.')),
        evalPrompts: () => Promise.resolve([]),
        samplingMetrics: () => Promise.resolve({}),
      };
      const batches = await PlanBatches.open(api, PLAN, { length: prefetch, now: browserClock.now });
      let [waited, all] = [0, 0];
      for (let step = 0; step < WARM_UP + steps; step += 1) {
        const asked = performance.now();
        const batch = await batches.trainBatch(step);
        const got = performance.now();
        await trainer.step(batch);
        if (step < WARM_UP) continue;
        waited += got - asked;
        all += performance.now() - asked;
      }
      await batches.close();
      return waited / all;
    });
  } finally {
    trainer.dispose();
  }
}

/** The functions that the suite calls. */
export const dataBench = (device: EngineDevice) => ({
  storeData,
  removeData,
  openStreaming,
  closeStreaming,
  firstBatch,
  streamData,
  compareTokenizers,
  tokensReadBack,
  tokeniseIn,
  dataWait: (prefetch: number, steps: number) => dataWait(device, prefetch, steps),
});
