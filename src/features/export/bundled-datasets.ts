// The datasets that a run drew from, as JSONL files of a bundle: an example a line, without those that steps leave out.
import { mixOf, shareWeights } from '../../core/config/dataset-mix';
import type { Database } from '../../core/database';
import { SampleReader } from '../../data/storage/sample-reader';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { DatasetRecord, Sample } from '../../protocol/datasets';
import type { TrainingConfig } from '../../protocol/training';
import { BlobSink } from './blob-sink';
import { fileNameOf } from './file-name';
import { SOLE_DATASET, type RecipeDataset } from './training-recipes';

/** A dataset of a run and how much of the run it is. */
export interface DrawnDataset {
  record: DatasetRecord;
  /** Share of what is drawn, about: schedules and repeats are left aside. 0 for one that is only evaluated. */
  weight: number;
}

export interface BundledDataset extends RecipeDataset {
  record: DatasetRecord;
  blob: Blob;
}

/** Without those that are gone, and those that are neither drawn from nor evaluated. */
export async function drawnDatasets(training: TrainingConfig, database: Database): Promise<DrawnDataset[]> {
  const mix = training.mix ?? mixOf([training.datasetId]);
  const records = await Promise.all(mix.shares.map(({ datasetId }) => database.get('datasets', datasetId)));
  const shares = mix.shares.map((share, i) => {
    const record = records[i];
    const isDrawn = record !== undefined && !isHeldOut(record);
    return isDrawn ? share : { ...share, probability: 0 };
  });
  const samplesOf = (id: string): number => records.find((record) => record?.id === id)?.samples ?? 0;
  const weights = shareWeights({ ...mix, shares }, samplesOf);
  return records.flatMap((record, i) => {
    const weight = weights[i] ?? 0;
    return record !== undefined && (weight > 0 || isHeldOut(record)) ? [{ record, weight }] : [];
  });
}

const isHeldOut = ({ training }: DatasetRecord): boolean => training?.evaluated === true;

/** @throws AppError `storage.missing` where samples are gone. */
export async function bundleDatasets(
  drawn: readonly DrawnDataset[],
  blobs: BlobStore,
): Promise<BundledDataset[]> {
  const names = new Set<string>();
  const bundled: BundledDataset[] = [];
  for (const { record, weight } of drawn) {
    const name = drawn.length === 1 ? SOLE_DATASET.name : freeName(fileNameOf(record.name, 'dataset'), names);
    const file = drawn.length === 1 ? SOLE_DATASET.file : `${name}.jsonl`;
    bundled.push({ record, name, file, weight, ...(await asJsonl(record, blobs)) });
  }
  return bundled;
}

function freeName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let next = 2; taken.has(name); next += 1) name = `${wanted}-${next}`;
  taken.add(name);
  return name;
}

/** `{"messages": [...]}` or `{"text": "..."}`. */
async function asJsonl(
  record: DatasetRecord,
  blobs: BlobStore,
): Promise<Pick<BundledDataset, 'blob' | 'samples'>> {
  const reader = await SampleReader.open(record, blobs);
  const sink = new BlobSink();
  const utf8 = new TextEncoder();
  let samples: RecipeDataset['samples'] = 'turns';
  for (let index = 0; index < reader.count; index += 1) {
    if (reader.leftOut.has(index)) continue;
    const sample = await reader.read(index);
    samples = sample.kind;
    sink.push(utf8.encode(`${JSON.stringify(rowOf(sample))}\n`));
  }
  return { blob: sink.toBlob('application/jsonl'), samples };
}

const rowOf = (sample: Sample): object =>
  sample.kind === 'text' ? { text: sample.text } : { messages: sample.turns };
