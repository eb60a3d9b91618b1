// What it takes to go on with an adapter on a larger machine: the adapter in PEFT's layout, the dataset as JSONL, and
// configurations for LLaMA-Factory, axolotl and vLLM. The base is named; it goes as an export of its own.
import { trainingDefaults } from '../../core/config/training-config';
import type { Database } from '../../core/database';
import { SampleReader } from '../../data/storage/sample-reader';
import { blobFile, textFile, type StreamedFile } from '../../lib/formats/streamed-file';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { DatasetRecord, Sample } from '../../protocol/datasets';
import type { AdapterRecord, ModelRecord } from '../../protocol/models';
import type { TrainingConfig } from '../../protocol/training';
import { BlobSink } from './blob-sink';
import { elsewhereReadme } from './elsewhere-readme';
import { peftWithCard } from './export-adapter';
import {
  ADAPTER_FOLDER,
  axolotlRecipe,
  DATASET_FILE,
  llamaFactoryDatasets,
  llamaFactoryRecipe,
  type Recipe,
} from './training-recipes';

export interface BundleStores {
  database: Database;
  blobs: BlobStore;
}

/** What an adapter was trained with; both null where it was not trained here, or that is gone. */
interface Origin {
  training: TrainingConfig | null;
  dataset: DatasetRecord | null;
}

async function originOf({ runId }: AdapterRecord, database: Database): Promise<Origin> {
  const run = runId === null ? undefined : await database.get('runs', runId);
  if (run === undefined) return { training: null, dataset: null };
  return { training: run.config, dataset: (await database.get('datasets', run.config.datasetId)) ?? null };
}

/** Bytes, about: the dataset is counted as it came. */
export async function datasetBytes(adapter: AdapterRecord, database: Database): Promise<number> {
  return (await originOf(adapter, database)).dataset?.sizeBytes ?? 0;
}

/** @throws AppError `storage.missing` where files of the adapter or the dataset are gone. */
export async function elsewhereFiles(
  adapter: AdapterRecord,
  base: ModelRecord,
  hasChatTemplate: boolean,
  { database, blobs }: BundleStores,
): Promise<StreamedFile[]> {
  const { training, dataset } = await originOf(adapter, database);
  const data = dataset === null ? null : await datasetAsJsonl(dataset, blobs);
  const peft = await peftWithCard(adapter, base, blobs);
  const recipe: Recipe = {
    base: base.source?.repositoryId ?? './base',
    lora: adapter.lora,
    modules: peft.modules,
    training: training ?? {
      ...trainingDefaults,
      name: '',
      modelId: '',
      datasetId: '',
      startFromAdapterId: null,
    },
    samples: data?.samples ?? 'turns',
    hasChatTemplate,
  };
  return [
    textFile('README.md', elsewhereReadme(adapter, base, recipe, { dataset, rank: peft.rank })),
    textFile('llama-factory.yaml', llamaFactoryRecipe(recipe)),
    textFile('axolotl.yaml', axolotlRecipe(recipe)),
    textFile('data/dataset_info.json', llamaFactoryDatasets(recipe.samples)),
    ...(data === null ? [] : [blobFile(DATASET_FILE, data.blob)]),
    ...peft.files.map(({ name, blob }) => blobFile(`${ADAPTER_FOLDER}/${name}`, blob)),
  ];
}

/** One example a line: `{"messages": [...]}` or `{"text": "..."}`. */
async function datasetAsJsonl(
  dataset: DatasetRecord,
  blobs: BlobStore,
): Promise<{ blob: Blob; samples: Recipe['samples'] }> {
  const reader = await SampleReader.open(dataset, blobs);
  const sink = new BlobSink();
  const utf8 = new TextEncoder();
  let samples: Recipe['samples'] = 'turns';
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
