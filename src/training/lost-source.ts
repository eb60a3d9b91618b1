// Which errors mean that data is gone or out of reach: a file that was moved or removed, a permission that was taken back, a
// dataset that was deleted. A run pauses for them, since what it learnt is not to blame.
import { AppError } from '../lib/errors';
import type { LostSource } from '../protocol/training';

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
