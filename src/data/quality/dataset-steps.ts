// What was done about a dataset, beside its rows: rows stay where they are and keep their numbers, a step's file says which
// samples it is about, and taking it back is removing it. The record names the steps and is put last.
import type { BlobStore } from '../../lib/storage/blob-store';
import { AppError } from '../../lib/errors';
import { hashSeed } from '../../lib/random';
import type { DatasetRecord } from '../../protocol/datasets';
import type { DatasetFix, DatasetStep, QualityReport, SampleGroup } from '../../protocol/quality';

/** What steps make of a dataset's samples. */
export interface SampleChoice {
  /** Samples that take no part. */
  leftOut: ReadonlySet<number>;
  /** Samples that stand on the side of the split where another one stands. */
  beside: ReadonlyMap<number, number>;
}

/** What has to be known to read them. */
export interface StepsTaken extends SampleChoice {
  /** How many turns are left of samples that were shortened. */
  turns: ReadonlyMap<number, number>;
}

export const EVERY_SAMPLE: SampleChoice = { leftOut: new Set(), beside: new Map() };

export const stepPath = (folder: string, id: string): string => `${folder}/step-${id}.bin`;
export const reportPath = (folder: string): string => `${folder}/quality.json`;

/** @throws AppError `storage.missing` where the browser lost a step's file. */
export async function readSteps(record: DatasetRecord, blobs: BlobStore): Promise<StepsTaken> {
  const steps = record.steps ?? [];
  const leftOut = new Set<number>();
  const beside = new Map<number, number>();
  const turns = new Map<number, number>();
  for (const { id, fix } of steps) {
    const path = stepPath(record.folder, id);
    const blob = await blobs.read(path);
    if (blob === null) throw missingStep(record, path);
    const numbers = new Uint32Array(await blob.arrayBuffer());
    if (!isPaired(fix)) for (const sample of numbers) leftOut.add(sample);
    else
      for (const [sample, other] of pairsIn(numbers))
        (fix === 'cap-length' ? turns : beside).set(sample, other);
  }
  return { leftOut, beside, turns };
}

function missingStep(record: DatasetRecord, path: string): AppError {
  return new AppError('storage.missing', `A step taken on "${record.name}" is gone (${path}).`, {
    remedy: 'The browser removed it: delete the dataset and import its files again.',
    details: { datasetId: record.id, path },
  });
}

/** Its numbers go in pairs: a sample and the one that it goes with, or how many turns are left of it. */
const isPaired = (fix: DatasetFix): boolean => fix === 'keep-together' || fix === 'cap-length';

function* pairsIn(numbers: Uint32Array): Generator<[number, number], void> {
  for (let i = 0; i < numbers.length; i += 2) yield [numbers[i] ?? 0, numbers[i + 1] ?? 0];
}

/** The numbers that a fix is about: samples, or pairs. */
export function numbersOfFix(fix: DatasetFix, report: QualityReport): Uint32Array<ArrayBuffer> {
  if (fix === 'drop-exact') return later(report.exact);
  if (fix === 'drop-near') return later(report.near);
  if (fix === 'drop-over-long') return Uint32Array.from(report.overLong);
  if (fix === 'cap-length')
    return Uint32Array.from(report.shortened.flatMap(({ sample, turns }) => [sample, turns]));
  if (fix === 'drop-faulty') return Uint32Array.from(new Set(Object.values(report.faults).flat()));
  return pairs(report);
}

const later = (groups: readonly SampleGroup[]): Uint32Array<ArrayBuffer> =>
  Uint32Array.from(groups.flatMap(({ samples }) => samples.slice(1)));

/** Each sample of a group with the first of all that are like it: what is equal to a near duplicate is near as well. */
function pairs({ exact, near }: QualityReport): Uint32Array<ArrayBuffer> {
  const firstOf = new Map<number, number>();
  for (const { samples } of near) {
    for (const sample of samples.slice(1)) firstOf.set(sample, samples[0] ?? sample);
  }
  for (const { samples } of exact) {
    const [first = 0] = samples;
    for (const sample of samples.slice(1)) firstOf.set(sample, firstOf.get(first) ?? first);
  }
  return Uint32Array.from([...firstOf].flat());
}

/** The same for the same numbers: a step that is taken back and taken again changes nothing. */
export const stepId = (fix: DatasetFix, numbers: Uint32Array): string =>
  `${fix}-${hashSeed(numbers.join()).toString(16).padStart(8, '0')}`;

/** How many samples a step is about. */
export const samplesOfStep = (fix: DatasetFix, numbers: Uint32Array): number =>
  isPaired(fix) ? numbers.length / 2 : numbers.length;

/** The record with these steps; without any it is as it was read. */
export const withSteps = (record: DatasetRecord, steps: DatasetStep[]): DatasetRecord => {
  const { steps: _, ...rest } = record;
  return steps.length === 0 ? rest : { ...rest, steps };
};
