import 'fake-indexeddb/auto';
import { describe, expect, it, vi } from 'vitest';
import { mixOf } from '../core/config/dataset-mix';
import { AppError } from '../lib/errors';
import type { BatchPlan } from '../protocol/batches';
import { toyModelRecord } from '../inference/testing/toy-language-model';
import { stateFileCodec } from '../training/state-file';
import { toyConfig } from '../training/testing/recording-sink';
import type { ToyModel } from '../training/testing/toy-model';
import { createServiceBench, type ServiceBench } from './testing/service-bench';

const config = toyConfig({ sequenceLength: 16, checkpointInterval: 4 });

async function lossesOf(bench: ServiceBench, runId: string): Promise<(number | null)[]> {
  const rows = await bench.database.getAll('runMetrics', IDBKeyRange.bound([runId], [runId, []]));
  return rows.flatMap((row) => (row.kind === 'step' ? [row.loss] : []));
}

/** Runs `act` right after that step. */
function atStep(bench: ServiceBench, step: number, act: () => void): void {
  const off = bench.bus.on('training.step', (metrics) => {
    if (metrics.step !== step) return;
    off();
    act();
  });
}

const GONE = new AppError('storage.missing', 'The files of the dataset "b" are gone.', {
  remedy: 'Bring it back.',
  details: { datasetId: 'b' },
});
const MIX = mixOf(['line', 'b']);

/** Micro-step 11 draws from a dataset that is gone, and a plan that opens it is refused from then on. */
function lostDataset({ batches }: ServiceBench): BatchPlan[] {
  const plans: BatchPlan[] = [];
  const openPlan = batches.openPlan.bind(batches);
  const trainBatch = batches.trainBatch.bind(batches);
  let gone = false;
  const isLeft = (): boolean => plans.at(-1)?.left?.some(({ datasetId }) => datasetId === 'b') ?? false;
  batches.openPlan = async (plan) => {
    plans.push(plan);
    if (gone && !isLeft()) throw GONE;
    const opened = await openPlan(plan);
    const counts = { rows: 6, batches: 3, draws: 9, toppedUp: 0 };
    const shares = [
      { datasetId: 'line', ...counts },
      { datasetId: 'b', ...counts },
    ];
    return { ...opened, summary: { ...opened.summary, shares } };
  };
  batches.trainBatch = (planId, index) => {
    gone ||= index === 11;
    return gone && !isLeft() ? Promise.reject(GONE) : trainBatch(planId, index);
  };
  return plans;
}

describe('TrainingService', () => {
  it('start to finish: keeps an adapter, the metrics and the losses, and frees the device', async () => {
    const bench = await createServiceBench();
    const started = await bench.training.start(config);
    expect(started).toMatchObject({
      status: 'running',
      totalSteps: 12,
      trainableParameters: 2,
      backend: 'cpu',
    });
    const run = await bench.rested(started.id);
    expect(run).toMatchObject({ status: 'finished', clock: { optimizerStep: 12 }, note: null });
    expect(run.evalLossLast).toBeLessThan(run.evalLossBefore ?? 0);
    expect(await lossesOf(bench, run.id)).toHaveLength(12);
    const adapter = await bench.database.get('adapters', run.adapterId ?? '');
    expect(adapter).toMatchObject({ name: 'toy', baseModelId: 'toy', runId: run.id });
    expect(adapter?.baseFingerprint).toBe(toyModelRecord.fingerprint);
    expect(bench.trainings[0]?.disposed).toBe(true);
    expect(bench.closedPlans).toEqual(['plan-1']);
    const types = bench.events.map(({ type }) => type);
    expect(types[0]).toBe('model.loaded');
    expect(types.at(-1)).toBe('training.finished');
    expect(types.filter((type) => type === 'checkpoint.saved')).toHaveLength(3);
    expect(types).toContain('evaluation.finished');
  });

  it('a base in few bits: loaded so, before and after a pause; run and adapter tell', async () => {
    const bench = await createServiceBench();
    atStep(bench, 6, () => void bench.training.pause(id));
    const { id } = await bench.training.start({ ...config, baseStorage: 'int4' });
    await bench.rested(id);
    await bench.models.unloadAll();
    await bench.training.resume(id);
    const run = await bench.rested(id);
    expect(bench.loaded.map(({ storage }) => storage)).toEqual(['int4', 'int4']);
    expect(run).toMatchObject({ status: 'finished', baseError: { worst: 0.1, worstTensor: 'toy.weight' } });
    const adapter = await bench.database.get('adapters', run.adapterId ?? '');
    expect(adapter?.baseStorage).toBe('int4');
  });

  it('out of memory in a step: fails with what would fit; the next run finds the device free', async () => {
    const bench = await createServiceBench();
    atStep(bench, 2, () => {
      const full = new AppError('engine.out-of-memory', 'No room for the arrays of a step.');
      vi.spyOn(bench.trainings[0] as ToyModel, 'accumulate').mockRejectedValue(full);
    });
    const { id } = await bench.training.start({ ...config, batchSize: 2 });
    const run = await bench.rested(id);
    expect(run).toMatchObject({ status: 'failed', clock: { optimizerStep: 2 } });
    expect(run.note).toBe(
      'No room for the arrays of a step. This would fit: batchSize 1, gradientAccumulation 4 (1 MiB).',
    );
    const { id: next } = await bench.training.start({ ...config, batchSize: 1, gradientAccumulation: 4 });
    expect((await bench.rested(next)).status).toBe('finished');
  });

  it('killed half-way: a new worker marks it interrupted and resume gives the losses of an unstopped run', async () => {
    const whole = await createServiceBench();
    const reference = await whole.training.start(config);
    await whole.rested(reference.id);

    const killed = await createServiceBench();
    // After step 6 nothing runs any more; the record is left as a kill leaves it.
    atStep(killed, 6, () => killed.guard.lose(new AppError('engine.device-lost', 'gone')));
    const { id: killedId } = await killed.training.start(config);
    const left = await killed.rested(killedId);
    await killed.database.put('runs', { ...left, status: 'running' });

    const next = await createServiceBench(killed);
    await next.training.recover();
    expect((await next.training.find(killedId)).status).toBe('interrupted');
    await next.training.resume(killedId);
    const run = await next.rested(killedId);
    expect(run.status).toBe('finished');
    expect(next.events.find(({ type }) => type === 'checkpoint.loaded')).toMatchObject({
      data: { checkpoint: { step: 4 } },
    });
    expect(await lossesOf(next, killedId)).toEqual(await lossesOf(whole, reference.id));
  });

  it('recover: tells of each run that it marks interrupted, and of no other', async () => {
    const before = await createServiceBench();
    const { id } = await before.training.start(config);
    const finished = await before.rested(id);
    for (const cut of ['a', 'b'])
      await before.database.put('runs', { ...finished, id: cut, status: 'running' });

    const next = await createServiceBench(before);
    await next.training.recover();
    const told = next.events.flatMap((event) => (event.type === 'training.finished' ? [event.data.run] : []));
    expect(told.map((run) => [run.id, run.status])).toEqual([
      ['a', 'interrupted'],
      ['b', 'interrupted'],
    ]);
    expect((await next.training.find(id)).status).toBe('finished');
  });

  it('pause: frees the device; resume goes on exactly', async () => {
    const whole = await createServiceBench();
    const reference = await whole.training.start(config);
    await whole.rested(reference.id);

    const bench = await createServiceBench();
    const paused = new Promise((resolve) => atStep(bench, 5, () => resolve(bench.training.pause(id))));
    const { id } = await bench.training.start(config);
    expect(await paused).toMatchObject({ status: 'paused', clock: { optimizerStep: 5 } });
    expect(bench.trainings[0]?.disposed).toBe(true);
    expect((await bench.training.listCheckpoints(id)).map(({ step }) => step)).toEqual([4, 5]);
    await bench.training.resume(id);
    expect((await bench.rested(id)).status).toBe('finished');
    expect(await lossesOf(bench, id)).toEqual(await lossesOf(whole, reference.id));
  });

  it('stop: keeps what was learnt so far', async () => {
    const bench = await createServiceBench();
    const stopped = new Promise((resolve) => atStep(bench, 3, () => resolve(bench.training.stop(id))));
    const { id } = await bench.training.start(config);
    await stopped;
    const run = await bench.training.find(id);
    expect(run).toMatchObject({ status: 'stopped', clock: { optimizerStep: 3 } });
    expect(run.adapterId).not.toBeNull();
  });

  it('stop of a paused run: keeps its last checkpoint without loading the model', async () => {
    const bench = await createServiceBench();
    const paused = new Promise((resolve) => atStep(bench, 3, () => resolve(bench.training.pause(id))));
    const { id } = await bench.training.start(config);
    await paused;
    const weights = bench.trainings[0]?.weights ?? [];
    const run = await bench.training.stop(id);
    expect(run.status).toBe('stopped');
    const adapter = await bench.database.get('adapters', run.adapterId ?? '');
    const file = await bench.blobs.read(`${adapter?.folder}/adapter_model.safetensors`);
    const arrays = await stateFileCodec.decode(file ?? new Blob());
    expect([...(arrays.get('line')?.data ?? [])]).toEqual(weights);
    expect(bench.trainings).toHaveLength(1);
  });

  it('one run at a time: a second start is refused and changes nothing', async () => {
    const bench = await createServiceBench();
    const { id } = await bench.training.start(config);
    await expect(bench.training.start(config)).rejects.toMatchObject({ code: 'training.busy' });
    await expect(bench.training.delete(id)).rejects.toMatchObject({ code: 'training.busy' });
    await bench.rested(id);
    expect(await bench.training.list()).toHaveLength(1);
  });

  it('a learning rate that is no number, an unknown model, too long a sequence: refused before anything runs', async () => {
    const bench = await createServiceBench();
    await expect(bench.training.start({ ...config, learningRate: NaN })).rejects.toMatchObject({
      code: 'training.invalid',
      details: { path: 'learningRate' },
    });
    await expect(bench.training.start({ ...config, modelId: 'gone' })).rejects.toMatchObject({
      code: 'model.unknown',
    });
    await expect(bench.training.start({ ...config, sequenceLength: 41 })).rejects.toMatchObject({
      code: 'training.invalid',
      details: { path: 'sequenceLength' },
    });
    expect(await bench.training.list()).toEqual([]);
  });

  it('a full disk: the run waits in memory, and goes on with the losses of one that never met it', async () => {
    const whole = await createServiceBench();
    const reference = await whole.training.start(config);
    await whole.rested(reference.id);

    const bench = await createServiceBench();
    const write = bench.blobs.write.bind(bench.blobs);
    bench.blobs.write = (path) => Promise.reject(new AppError('storage.quota', `No room left: ${path}.`));
    const { id } = await bench.training.start(config);
    expect(await bench.rested(id)).toMatchObject({ status: 'paused', clock: { optimizerStep: 4 } });
    expect(
      bench.events.some(({ type, data }) => type === 'error.occurred' && data.code === 'storage.quota'),
    ).toBe(true);
    expect(bench.trainings[0]?.disposed).toBe(false);
    await expect(bench.training.start(config)).rejects.toMatchObject({ code: 'training.busy' });
    bench.blobs.write = write;
    await bench.training.resume(id);
    expect((await bench.rested(id)).status).toBe('finished');
    expect(bench.trainings).toHaveLength(1);
    expect(await lossesOf(bench, id)).toEqual(await lossesOf(whole, reference.id));
  });

  it('a full disk at the very end: the result is kept when there is room again', async () => {
    const bench = await createServiceBench();
    const write = bench.blobs.write.bind(bench.blobs);
    bench.blobs.write = (path, content) =>
      path.startsWith('adapters/')
        ? Promise.reject(new AppError('storage.quota', 'No room left.'))
        : write(path, content);
    const { id } = await bench.training.start(config);
    expect((await bench.rested(id)).status).toBe('paused');
    bench.blobs.write = write;
    await bench.training.resume(id);
    const run = await bench.rested(id);
    expect(run.status).toBe('finished');
    expect(await bench.database.count('adapters')).toBe(1);
  });

  it('data that is gone in mid-run: pauses before that step; back again, it goes on exactly', async () => {
    const whole = await createServiceBench();
    const reference = await whole.training.start(config);
    await whole.rested(reference.id);

    const bench = await createServiceBench();
    const trainBatch = bench.batches.trainBatch.bind(bench.batches);
    bench.batches.trainBatch = (planId, index) =>
      index === 11 ? Promise.reject(GONE) : trainBatch(planId, index);
    const { id } = await bench.training.start(config);
    const paused = await bench.rested(id);
    const lost = { code: 'storage.missing', message: GONE.message, remedy: 'Bring it back.', datasetId: 'b' };
    expect(paused).toMatchObject({ status: 'paused', note: GONE.message, lost });
    expect(paused.clock).toMatchObject({ optimizerStep: 5, microStep: 10 });
    expect((await bench.training.listCheckpoints(id)).at(-1)?.step).toBe(5);
    expect(bench.training.active).toBe(false);
    expect(bench.trainings[0]?.disposed).toBe(true);
    bench.batches.trainBatch = trainBatch;
    await bench.training.resume(id);
    expect(await bench.rested(id)).toMatchObject({ status: 'finished', lost: null, note: null });
    expect(await lossesOf(bench, id)).toEqual(await lossesOf(whole, reference.id));
  });

  it('data that is gone: stopped, what it learnt is kept', async () => {
    const bench = await createServiceBench();
    const trainBatch = bench.batches.trainBatch.bind(bench.batches);
    bench.batches.trainBatch = (planId, index) =>
      index === 11 ? Promise.reject(GONE) : trainBatch(planId, index);
    const { id } = await bench.training.start(config);
    await bench.rested(id);
    const stopped = await bench.training.stop(id);
    expect(stopped).toMatchObject({ status: 'stopped', lost: null, note: null });
    expect(stopped.adapterId).not.toBeNull();
  });

  it('data that is gone: goes on without that dataset, from the step that it had reached', async () => {
    const bench = await createServiceBench();
    const plans = lostDataset(bench);
    const { id } = await bench.training.start({ ...config, mix: MIX });
    const paused = await bench.rested(id);
    expect(paused.lost?.datasetId).toBe('b');
    // Still gone: nothing changes, and the choice stays.
    await expect(bench.training.resume(id)).rejects.toMatchObject({ code: 'storage.missing' });
    expect((await bench.training.find(id)).lost?.datasetId).toBe('b');
    await expect(bench.training.resumeWithout(id, 'c')).rejects.toMatchObject({ code: 'training.invalid' });
    await bench.training.resumeWithout(id, 'b');
    const run = await bench.rested(id);
    const left = [{ datasetId: 'b', fromMicroStep: 10, rows: 6, batches: 3 }];
    expect(run).toMatchObject({ status: 'finished', left, lost: null });
    expect(plans.at(-1)).toMatchObject({
      left,
      mix: MIX,
      gradientAccumulation: 2,
      until: { microSteps: 24 },
    });
    expect(plans[0]).not.toHaveProperty('left');
  });

  it('data that is gone: a run without another dataset cannot go on without it', async () => {
    const bench = await createServiceBench();
    lostDataset(bench);
    const { id } = await bench.training.start(config);
    await bench.rested(id);
    await expect(bench.training.resumeWithout(id, 'line')).rejects.toThrow(/no other dataset to go on with/);
    expect(await bench.training.find(id)).toMatchObject({ status: 'paused' });
  });

  it('1.H.11 another batch size on resume: is refused, the checkpoint counts batches of the old one', async () => {
    const bench = await createServiceBench();
    const paused = new Promise((resolve) => atStep(bench, 5, () => resolve(bench.training.pause(id))));
    const { id } = await bench.training.start(config);
    await paused;
    const run = await bench.training.find(id);
    await bench.database.put('runs', { ...run, config: { ...run.config, batchSize: 3 } });
    await expect(bench.training.resume(id)).rejects.toMatchObject({
      code: 'training.invalid',
      details: { path: 'batchSize', before: 1 },
    });
    await bench.database.put('runs', run);
    await bench.training.resume(id);
    expect((await bench.rested(id)).status).toBe('finished');
  });

  it('early stopping: keeps the weights of the checkpoint with the lowest evaluation loss', async () => {
    const bench = await createServiceBench();
    // After step 4 each step makes it worse: the line is pulled away from the points.
    bench.bus.on('training.step', ({ step }) => {
      const training = bench.trainings[0];
      if (training && step >= 4) training.weights = [10 + step, 10 + step];
    });
    const { id } = await bench.training.start({
      ...config,
      evalInterval: 2,
      checkpointInterval: 2,
      keepCheckpoints: 1,
      earlyStoppingPatience: 2,
    });
    const run = await bench.rested(id);
    expect(run).toMatchObject({ status: 'finished', clock: { optimizerStep: 6 } });
    expect(run.note).toContain('step 2');
    const adapter = await bench.database.get('adapters', run.adapterId ?? '');
    const file = await bench.blobs.read(`${adapter?.folder}/adapter_model.safetensors`);
    const arrays = await stateFileCodec.decode(file ?? new Blob());
    const best = (await bench.training.listCheckpoints(id)).find(({ step }) => step === 2);
    const state = await bench.checkpoints.load(best ?? (await bench.checkpoints.find('')));
    expect(arrays.get('line')).toEqual(state.model.arrays.get('parameter/line'));
    expect(arrays.get('line')?.data[0]).toBeLessThan(10);
  });

  it('a damaged checkpoint: says so and goes on from the one before', async () => {
    const bench = await createServiceBench();
    const paused = new Promise((resolve) => atStep(bench, 6, () => resolve(bench.training.pause(id))));
    const { id } = await bench.training.start(config);
    await paused;
    const newest = (await bench.training.listCheckpoints(id)).at(-1);
    await bench.blobs.write(`${newest?.folder}/arrays.safetensors`, new Uint8Array([1, 2, 3]));
    await bench.training.resume(id);
    expect((await bench.rested(id)).status).toBe('finished');
    const codes = bench.events.flatMap((event) => (event.type === 'error.occurred' ? [event.data.code] : []));
    expect(codes).toEqual(['checkpoint.corrupt']);
    expect(await lossesOf(bench, id)).toHaveLength(12);
  });

  it('a run that diverges: fails with the reason and frees the device', async () => {
    const bench = await createServiceBench();
    atStep(bench, 1, () => {
      const training = bench.trainings[0];
      if (training) training.poison = () => true;
    });
    const { id } = await bench.training.start(config);
    const run = await bench.rested(id);
    expect(run.status).toBe('failed');
    expect(run.note).toContain('no finite loss');
    expect(bench.training.active).toBe(false);
  });

  it('a lost device: the run is interrupted and can be resumed', async () => {
    const bench = await createServiceBench();
    atStep(bench, 5, () => bench.guard.lose(new AppError('engine.device-lost', 'The GPU is gone.')));
    const { id } = await bench.training.start(config);
    const run = await bench.rested(id);
    expect(run).toMatchObject({ status: 'interrupted', note: 'The GPU is gone.' });
    bench.guard.restore();
    await bench.training.resume(id);
    expect((await bench.rested(id)).status).toBe('finished');
  });

  it('full fine-tuning: keeps a model of its own', async () => {
    const bench = await createServiceBench();
    const { id } = await bench.training.start({ ...config, method: 'full' });
    const run = await bench.rested(id);
    const model = await bench.database.get('models', run.tunedModelId ?? '');
    expect(model).toMatchObject({ origin: 'tuned', name: 'toy', location: { kind: 'blob' } });
    expect(run.adapterId).toBeNull();
  });

  it('an adapter from a checkpoint: has the averaged weights where there is an average', async () => {
    const bench = await createServiceBench();
    const { id } = await bench.training.start({ ...config, emaDecay: 0.9 });
    await bench.rested(id);
    const [first] = await bench.training.listCheckpoints(id);
    const adapter = await bench.training.adapterFromCheckpoint(first?.id ?? '', 'early');
    const file = await bench.blobs.read(`${adapter.folder}/adapter_model.safetensors`);
    const state = await bench.checkpoints.load(first ?? (await bench.checkpoints.find('')));
    const arrays = await stateFileCodec.decode(file ?? new Blob());
    expect(arrays.get('line')).toEqual(state.model.arrays.get('ema/line'));
    expect([...arrays.keys()]).toEqual(['line']);
  });

  it('deleting a run: takes its metrics and checkpoints along, not its adapter', async () => {
    const bench = await createServiceBench();
    const { id } = await bench.training.start(config);
    await bench.rested(id);
    await bench.training.delete(id);
    expect(await bench.training.list()).toEqual([]);
    expect(await bench.database.count('runMetrics')).toBe(0);
    expect(await bench.blobs.list('checkpoints')).toEqual([]);
    expect(await bench.database.count('adapters')).toBe(1);
  });
});
