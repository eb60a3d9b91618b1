// Checkpoints on disk. Arrays and state lie in a folder of their own; the record that makes them count is written
// last, so that a kill at any moment leaves the one before. Each state names the SHA-256 of its arrays: what does not
// match is not loaded. Nothing here is kept in memory.
import * as v from 'valibot';
import type { Database } from '../core/database';
import { AppError, hasCode } from '../lib/errors';
import { isQuotaError, quotaError } from '../lib/storage/quota';
import type { BlobStore } from '../lib/storage/blob-store';
import type { StateArrays } from '../models/trainable-model';
import type { CheckpointRecord } from '../protocol/training';
import { planRetention } from './checkpoint-retention';
import type { LoopSnapshot, LoopState } from './loop-state';

export interface ArrayCodec {
  encode(arrays: StateArrays): Blob;
  /** @throws where it is no such file. */
  decode(file: Blob): Promise<StateArrays>;
}

export interface LoadedCheckpoint {
  record: CheckpointRecord;
  snapshot: LoopSnapshot;
  /** Newer ones that were passed over because they are damaged. */
  corrupt: { record: CheckpointRecord; error: AppError }[];
}

const ROOT = 'checkpoints';
const ARRAYS = 'arrays.safetensors';
const STATE = 'state.json';
const STATE_VERSION = 1;

const step = v.pipe(v.number(), v.integer(), v.minValue(0));
const loss = v.nullable(v.number());
const loopState = v.object({
  clock: v.object({ epoch: step, microStep: step, optimizerStep: step }),
  batchSize: v.exactOptional(step),
  evaluatedStep: v.nullable(step),
  checkpointStep: v.nullable(step),
  evalLossBefore: loss,
  evalLossBest: loss,
  evalLossLast: loss,
  evaluationsWithoutGain: step,
  skippedInARow: step,
  elapsedSeconds: v.number(),
  stoppedEarly: v.boolean(),
}) satisfies v.GenericSchema<unknown, LoopState>;
const stateFile = v.object({
  version: v.literal(STATE_VERSION),
  arraysSha256: v.string(),
  appliedSteps: step,
  loop: loopState,
});

export class CheckpointStore {
  readonly #database: Database;
  readonly #blobs: BlobStore;
  readonly #codec: ArrayCodec;
  readonly #now: () => number;

  constructor(database: Database, blobs: BlobStore, codec: ArrayCodec, now: () => number = Date.now) {
    this.#database = database;
    this.#blobs = blobs;
    this.#codec = codec;
    this.#now = now;
  }

  /**
   * Writes one checkpoint and drops those that the run no longer keeps.
   * @param keep newest ones to keep; the one with the lowest evaluation loss stays besides them.
   * @throws AppError `storage.quota` with everything older as it was.
   */
  async save(runId: string, snapshot: LoopSnapshot, keep: number): Promise<CheckpointRecord> {
    const createdAt = this.#now();
    const { optimizerStep } = snapshot.loop.clock;
    // Never the folder of an earlier attempt at the same step: that one counts until this one is whole.
    const id = `${runId}-${optimizerStep}-${createdAt.toString(36)}`;
    const folder = `${ROOT}/${runId}/${optimizerStep}-${createdAt.toString(36)}`;
    const record = { id, runId, step: optimizerStep, folder, createdAt, evalLoss: evalLossAt(snapshot.loop) };
    try {
      const sizeBytes = await this.#writeFiles(folder, snapshot);
      const complete: CheckpointRecord = { ...record, sizeBytes };
      await this.#database.put('checkpoints', complete);
      await this.#retain(runId, keep);
      return complete;
    } catch (error) {
      await this.#blobs.remove(folder).catch(() => undefined);
      throw isQuotaError(error) ? await quotaError(folder, null, error) : error;
    }
  }

  /** Oldest first. */
  async list(runId: string): Promise<CheckpointRecord[]> {
    const records = await this.#database.getAllFromIndex('checkpoints', 'runId', runId);
    return records.sort((a, b) => a.step - b.step || a.createdAt - b.createdAt);
  }

  async find(id: string): Promise<CheckpointRecord> {
    const record = await this.#database.get('checkpoints', id);
    if (record !== undefined) return record;
    throw new AppError('checkpoint.missing', `There is no checkpoint "${id}".`, {
      remedy: 'Open the run again: its list of checkpoints has changed.',
    });
  }

  /** The newest one that is whole; null where the run has none. Damaged ones on the way are reported and removed. */
  async loadLatest(runId: string): Promise<LoadedCheckpoint | null> {
    const corrupt: LoadedCheckpoint['corrupt'] = [];
    for (const record of (await this.list(runId)).reverse()) {
      try {
        const snapshot = await this.load(record);
        for (const damaged of corrupt) await this.remove(damaged.record);
        return { record, snapshot, corrupt };
      } catch (error) {
        if (!hasCode(error, 'checkpoint.corrupt') && !hasCode(error, 'checkpoint.missing')) throw error;
        corrupt.push({ record, error });
      }
    }
    const newest = corrupt[0];
    if (newest !== undefined) throw newest.error;
    return null;
  }

  /** @throws AppError `checkpoint.missing` or `checkpoint.corrupt`, naming the step. */
  async load(record: CheckpointRecord): Promise<LoopSnapshot> {
    const [stateBlob, arraysBlob] = await Promise.all([
      this.#blobs.read(`${record.folder}/${STATE}`),
      this.#blobs.read(`${record.folder}/${ARRAYS}`),
    ]);
    if (stateBlob === null || arraysBlob === null) {
      throw new AppError(
        'checkpoint.missing',
        `The files of the checkpoint of step ${record.step} are gone.`,
        {
          details: { checkpointId: record.id },
          remedy: 'Resume from an earlier checkpoint.',
        },
      );
    }
    const state = v.safeParse(stateFile, parseJson(await stateBlob.text()));
    if (!state.success) throw corruptError(record, 'its state cannot be read');
    if ((await sha256(arraysBlob)) !== state.output.arraysSha256)
      throw corruptError(record, 'its checksum is wrong');
    const { appliedSteps, loop } = state.output;
    return { loop, model: { appliedSteps, arrays: await this.#decode(record, arraysBlob) } };
  }

  /** The record goes first: a folder without a record is swept, a record without a folder would be a lie. */
  async remove(record: CheckpointRecord): Promise<void> {
    await this.#database.delete('checkpoints', record.id);
    await this.#blobs.remove(record.folder);
  }

  async removeRun(runId: string): Promise<void> {
    for (const record of await this.list(runId)) await this.remove(record);
    await this.#blobs.remove(`${ROOT}/${runId}`);
  }

  /** Removes folders that no record names: what a kill left half-written. @returns how many files went. */
  async sweepOrphans(): Promise<number> {
    const records = await this.#database.getAll('checkpoints');
    const known = new Set(records.map(({ folder }) => folder));
    const entries = await this.#blobs.list(ROOT);
    const orphans = entries.filter(({ path }) => !known.has(path.slice(0, path.lastIndexOf('/'))));
    for (const { path } of orphans) await this.#blobs.remove(path);
    return orphans.length;
  }

  async #writeFiles(folder: string, { loop, model }: LoopSnapshot): Promise<number> {
    const arrays = this.#codec.encode(model.arrays);
    const arraysSha256 = await sha256(arrays);
    const { appliedSteps } = model;
    const state = new TextEncoder().encode(
      JSON.stringify({ version: STATE_VERSION, arraysSha256, appliedSteps, loop }),
    );
    await this.#blobs.write(`${folder}/${ARRAYS}`, arrays);
    await this.#blobs.write(`${folder}/${STATE}`, state);
    return arrays.size + state.byteLength;
  }

  async #retain(runId: string, keep: number): Promise<void> {
    for (const record of planRetention(await this.list(runId), keep)) await this.remove(record);
  }

  async #decode(record: CheckpointRecord, file: Blob): Promise<StateArrays> {
    try {
      return await this.#codec.decode(file);
    } catch (cause) {
      throw corruptError(record, 'its arrays cannot be read', cause);
    }
  }
}

function evalLossAt(loop: LoopState): number | null {
  return loop.evaluatedStep === loop.clock.optimizerStep ? loop.evalLossLast : null;
}

function corruptError(record: CheckpointRecord, reason: string, cause?: unknown): AppError {
  return new AppError('checkpoint.corrupt', `The checkpoint of step ${record.step} is damaged: ${reason}.`, {
    details: { checkpointId: record.id, step: record.step },
    remedy: 'Resume goes on from the last good checkpoint; this one can be deleted.',
    cause,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

async function sha256(file: Blob): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
