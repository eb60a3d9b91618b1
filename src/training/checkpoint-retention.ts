// Which checkpoints of a run may go: all but the newest few and the best one. Deciding only; the store does it.
import type { CheckpointRecord } from '../protocol/training';

/** @param records oldest first. @param keep newest ones that stay, at least 1. */
export function planRetention(records: readonly CheckpointRecord[], keep: number): CheckpointRecord[] {
  const newest = new Set(records.slice(-Math.max(1, keep)));
  const best = records.reduce<CheckpointRecord | null>(
    (found, record) =>
      record.evalLoss !== null && record.evalLoss < (found?.evalLoss ?? Infinity) ? record : found,
    null,
  );
  const latestOfStep = new Map(records.map((record) => [record.step, record]));
  return records.filter((record) => {
    const replaced = latestOfStep.get(record.step) !== record;
    return replaced || (!newest.has(record) && record !== best);
  });
}
