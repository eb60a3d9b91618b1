// What was done about a dataset's samples outlives its being read again: the same fixes are taken about what was read in its place,
// as a stage of the build. Where they cannot be, the dataset stays as it was read and the report says why.
import { asAppError } from '../data/importing/problem-log';
import { readSteps } from '../data/quality/dataset-steps';
import { messageOf } from '../lib/errors';
import type { BlobStore } from '../lib/storage/blob-store';
import type { BackendBuildEvent, BuildReport, BuildStage } from '../protocol/backends';
import type { DatasetProblem, DatasetRecord } from '../protocol/datasets';
import type { QualityProgress } from '../protocol/quality';
import type { QualityService, StepsToRetake } from './quality-service';

type Built = Extract<BackendBuildEvent, { type: 'built' }>;

export interface StepsAgainParts {
  quality: Pick<QualityService, 'takeStepsAgain'>;
  blobs: BlobStore;
  now: () => number;
  heapBytes: () => number | null;
}

export async function* takeStepsAgain(
  built: Built,
  steps: StepsToRetake,
  { quality, blobs, now, heapBytes }: StepsAgainParts,
  signal?: AbortSignal,
): AsyncGenerator<BackendBuildEvent, Built> {
  const started = now();
  let { dataset } = built;
  const problems: DatasetProblem[] = [];
  try {
    const check = quality.takeStepsAgain(dataset.id, steps, signal);
    let next = await check.next();
    for (; next.done !== true; next = await check.next())
      if (next.value.type === 'progress') yield progressOf(built, next.value.progress);
    dataset = next.value;
  } catch (error) {
    problems.push(notTaken(dataset, error));
  }
  const stage: BuildStage = {
    name: 'check',
    count: dataset.samples - (await readSteps(dataset, blobs)).leftOut.size,
    milliseconds: Math.round(now() - started),
    memoryBytes: heapBytes(),
  };
  return { ...built, dataset, backend: { ...built.backend, report: withStage(built, stage, problems) } };
}

function withStage({ backend }: Built, stage: BuildStage, problems: DatasetProblem[]): BuildReport | null {
  const { report } = backend;
  if (report === null) return null;
  return { ...report, stages: [...report.stages, stage], problems: [...report.problems, ...problems] };
}

function progressOf({ backend, dataset }: Built, { stage, done }: QualityProgress): BackendBuildEvent {
  const files = dataset.fileNames.length;
  const samples = stage === 'reading' ? done : dataset.samples;
  const progress = { stage: 'check' as const, files, filesTotal: files, samples, bytes: 0 };
  return { type: 'progress', progress: { backendId: backend.id, ...progress } };
}

function notTaken({ name }: DatasetRecord, error: unknown): DatasetProblem {
  const { code = 'internal', remedy = null } = asAppError(error) ?? {};
  const message = `What was done about the samples of "${name}" was not done again: ${messageOf(error)} ${remedy ?? ''}`;
  return { code, file: '', line: null, excerpt: '', message: `${message.trimEnd()} Check its quality.` };
}
