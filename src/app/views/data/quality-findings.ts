// What a fix is about, out of the report that proposes it. Pure.
import type { DatasetFix, QualityReport } from '../../../protocol/quality';

const alone = (samples: readonly number[]): number[][] => samples.map((sample) => [sample]);

const leaking = ({ leakage }: QualityReport): number[] =>
  [...leakage.exact, ...leakage.near].sort((a, b) => a - b);

const faulty = ({ faults }: QualityReport): number[] =>
  Object.values(faults)
    .flat()
    .sort((a, b) => a - b);

/** Samples to be looked at together: those of a group, or one by one. */
export function groupsOfFix(fix: DatasetFix, report: QualityReport): number[][] {
  if (fix === 'drop-exact') return report.exact.map(({ samples }) => samples);
  if (fix === 'drop-near') return report.near.map(({ samples }) => samples);
  if (fix === 'cap-length') return alone(report.shortened.map(({ sample }) => sample));
  if (fix === 'drop-over-long') return alone(report.overLong);
  return alone(fix === 'drop-faulty' ? faulty(report) : leaking(report));
}

/** Samples that the fix would change. */
export function countOfFix(fix: DatasetFix, report: QualityReport): number {
  const isGrouped = fix === 'drop-exact' || fix === 'drop-near';
  const groups = groupsOfFix(fix, report);
  return groups.reduce((sum, samples) => sum + samples.length - (isGrouped ? 1 : 0), 0);
}
