// Which errors mean that data is gone or out of reach: a file that was moved or removed, a permission that was taken back, a
// dataset that was deleted. A run pauses for them, since what it learnt is not to blame.
import { AppError } from '../lib/errors';
import type { LeftDataset } from '../protocol/mix';
import type { LostSource, RunRecord } from '../protocol/training';

const CODES = ['storage.missing', 'dataset.', 'backend.'];

/** What happened, for the run's record; null where it is something else. */
export function lostSourceOf(error: unknown): LostSource | null {
  if (!isLostSource(error)) return null;
  const { code, message, remedy, details } = error;
  const { datasetId } = details;
  return { code, message, remedy, datasetId: typeof datasetId === 'string' ? datasetId : null };
}

export function isLostSource(error: unknown): error is AppError {
  if (!(error instanceof AppError)) return false;
  const code = String(error.code);
  return CODES.some((start) => code.startsWith(start));
}

/**
 * The datasets that a run goes on without once this one is left where the run stands.
 * @throws AppError `training.invalid` where it is not in the run's mix, or is the last one of it.
 */
export function withoutDataset(run: RunRecord, datasetId: string): LeftDataset[] {
  const left = run.left ?? [];
  const gone = new Set([...left.map((other) => other.datasetId), datasetId]);
  const share = run.shares?.find((other) => other.datasetId === datasetId);
  const others = run.config.mix?.shares.filter((other) => !gone.has(other.datasetId)) ?? [];
  if (share === undefined || others.length === 0) {
    throw new AppError('training.invalid', `${run.config.name} has no other dataset to go on with.`, {
      remedy: 'Bring the dataset back and resume, or stop the run: what it learnt is kept.',
      details: { datasetId },
    });
  }
  const { rows, batches } = share;
  const before = left.filter((other) => other.datasetId !== datasetId);
  return [...before, { datasetId, fromMicroStep: run.clock.microStep, rows, batches }];
}

/** From an older checkpoint, a dataset that is gone is left where that one stands. */
export function leftByThen(run: RunRecord, microStep: number): RunRecord {
  if (run.left === undefined) return run;
  const left = run.left.map((dataset) => ({
    ...dataset,
    fromMicroStep: Math.min(dataset.fromMicroStep, microStep),
  }));
  return { ...run, left };
}
