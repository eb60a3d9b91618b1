import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../core/database';
import { AppError } from '../lib/errors';
import { MemoryBlobStore } from '../lib/storage/memory-blob-store';
import type { CheckpointRecord } from '../protocol/training';
import { planRetention } from './checkpoint-retention';
import { CheckpointStore } from './checkpoint-store';
import { initialLoopState, type LoopSnapshot } from './loop-state';
import { stateFileCodec } from './state-file';

let names = 0;
let database: Database;
let blobs: MemoryBlobStore;
let store: CheckpointStore;
let time = 1000;

beforeEach(async () => {
  database = await openDatabase(`checkpoints-${(names += 1)}`);
  blobs = new MemoryBlobStore();
  store = new CheckpointStore(database, blobs, stateFileCodec, () => (time += 1));
});

function snapshot(step: number, evalLoss: number | null = null): LoopSnapshot {
  const loop = {
    ...initialLoopState(),
    clock: { epoch: 0, microStep: step * 2, optimizerStep: step },
    evaluatedStep: evalLoss === null ? null : step,
    evalLossLast: evalLoss,
  };
  const arrays = new Map([['parameter/a', { shape: [2], data: Float32Array.of(step, 0.1) }]]);
  return { loop, model: { appliedSteps: step, arrays } };
}

describe('CheckpointStore', () => {
  it('save and load: gives back the same snapshot', async () => {
    const record = await store.save('run', snapshot(3, 1.5), 2);
    expect(record).toMatchObject({ runId: 'run', step: 3, evalLoss: 1.5 });
    expect(await store.load(record)).toEqual(snapshot(3, 1.5));
    const stored = await blobs.list(record.folder);
    expect(record.sizeBytes).toBe(stored.reduce((sum, entry) => sum + entry.sizeBytes, 0));
  });

  it('a kill before the record: the checkpoint before it is loaded and the rest is swept', async () => {
    await store.save('run', snapshot(1), 2);
    await blobs.write('checkpoints/run/2-x/arrays.safetensors', new Uint8Array([1, 2]));
    expect((await store.loadLatest('run'))?.record.step).toBe(1);
    expect(await store.sweepOrphans()).toBe(1);
    expect(await blobs.list('checkpoints')).toHaveLength(2);
    expect((await store.loadLatest('run'))?.record.step).toBe(1);
  });

  it('damaged arrays: the checksum notices, the previous good one is used, the damaged one goes', async () => {
    await store.save('run', snapshot(1), 3);
    const bad = await store.save('run', snapshot(2), 3);
    await blobs.write(`${bad.folder}/arrays.safetensors`, stateFileCodec.encode(snapshot(9).model.arrays));
    const loaded = await store.loadLatest('run');
    expect(loaded?.record.step).toBe(1);
    expect(loaded?.corrupt.map(({ record, error }) => [record.step, error.code])).toEqual([
      [2, 'checkpoint.corrupt'],
    ]);
    expect(await store.list('run')).toHaveLength(1);
  });

  it('missing files or a damaged state: passed over as well', async () => {
    await store.save('run', snapshot(1), 3);
    const gone = await store.save('run', snapshot(2), 3);
    await blobs.remove(gone.folder);
    const bad = await store.save('run', snapshot(3), 3);
    await blobs.write(`${bad.folder}/state.json`, new TextEncoder().encode('{"version":1'));
    const loaded = await store.loadLatest('run');
    expect(loaded?.corrupt.map(({ error }) => error.code)).toEqual([
      'checkpoint.corrupt',
      'checkpoint.missing',
    ]);
    expect(loaded?.record.step).toBe(1);
  });

  it('nothing but damaged ones: says so and deletes nothing', async () => {
    const bad = await store.save('run', snapshot(1), 3);
    await blobs.write(`${bad.folder}/state.json`, new Uint8Array([0]));
    await expect(store.loadLatest('run')).rejects.toMatchObject({ code: 'checkpoint.corrupt' });
    expect(await store.list('run')).toHaveLength(1);
    expect(await store.loadLatest('other')).toBeNull();
  });

  it('a full disk: the error is passed on, the older checkpoint stays, no half folder is left', async () => {
    await store.save('run', snapshot(1), 3);
    const write = blobs.write.bind(blobs);
    blobs.write = (path, content) =>
      path.endsWith('state.json')
        ? Promise.reject(new AppError('storage.quota', 'The disk is full.'))
        : write(path, content);
    await expect(store.save('run', snapshot(2), 3)).rejects.toMatchObject({ code: 'storage.quota' });
    expect((await store.loadLatest('run'))?.record.step).toBe(1);
    expect(await blobs.list('checkpoints')).toHaveLength(2);
  });

  it('the same step again: replaces the older one', async () => {
    await store.save('run', snapshot(1), 3);
    const again = await store.save('run', snapshot(1), 3);
    expect(await store.list('run')).toEqual([again]);
  });

  it('removing a run: leaves other runs alone', async () => {
    await store.save('run', snapshot(1), 3);
    await store.save('other', snapshot(1), 3);
    await store.removeRun('run');
    expect(await store.list('run')).toEqual([]);
    expect(await store.list('other')).toHaveLength(1);
    expect(await blobs.list('checkpoints')).toHaveLength(2);
  });
});

describe('planRetention', () => {
  const record = (step: number, evalLoss: number | null): CheckpointRecord => ({
    id: `${step}`,
    runId: 'run',
    step,
    evalLoss,
    sizeBytes: 1,
    folder: '',
    createdAt: step,
  });
  const gone = (keep: number, ...losses: (number | null)[]): number[] =>
    planRetention(
      losses.map((evalLoss, index) => record(index + 1, evalLoss)),
      keep,
    ).map(({ step }) => step);

  it('keeps the newest and the best', () => {
    expect(gone(2, 3, 1, 2, null, 4)).toEqual([1, 3]);
  });

  it('the best among the newest costs nothing extra; without losses only the newest stay', () => {
    expect(gone(2, 3, 2, 1)).toEqual([1]);
    expect(gone(1, null, null)).toEqual([1]);
    expect(gone(0, null, null)).toEqual([1]);
  });
});
