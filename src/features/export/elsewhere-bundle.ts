// What it takes to go on with an adapter on a larger machine: the adapter in PEFT's layout, its datasets as JSONL, and
// configurations for LLaMA-Factory, axolotl and vLLM. The base is named; it goes as an export of its own.
import { trainingDefaults } from '../../core/config/training-config';
import type { Database } from '../../core/database';
import { blobFile, textFile, type StreamedFile } from '../../lib/formats/streamed-file';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { AdapterRecord, ModelRecord } from '../../protocol/models';
import type { TrainingConfig } from '../../protocol/training';
import { bundleDatasets, drawnDatasets, type DrawnDataset } from './bundled-datasets';
import { elsewhereReadme } from './elsewhere-readme';
import { peftWithCard } from './export-adapter';
import {
  ADAPTER_FOLDER,
  axolotlRecipe,
  DATA_FOLDER,
  llamaFactoryDatasets,
  llamaFactoryRecipe,
  SOLE_DATASET,
  type Recipe,
} from './training-recipes';

export interface BundleStores {
  database: Database;
  blobs: BlobStore;
}

/** What an adapter was trained with: nothing where it was not trained here, or that is gone. */
interface Origin {
  training: TrainingConfig | null;
  drawn: DrawnDataset[];
}

async function originOf({ runId }: AdapterRecord, database: Database): Promise<Origin> {
  const run = runId === null ? undefined : await database.get('runs', runId);
  if (run === undefined) return { training: null, drawn: [] };
  return { training: run.config, drawn: await drawnDatasets(run.config, database) };
}

/** Bytes, about: datasets are counted as they came. */
export async function datasetBytes(adapter: AdapterRecord, database: Database): Promise<number> {
  const { drawn } = await originOf(adapter, database);
  return drawn.reduce((sum, { record }) => sum + record.sizeBytes, 0);
}

/** @throws AppError `storage.missing` where files of the adapter or the dataset are gone. */
export async function elsewhereFiles(
  adapter: AdapterRecord,
  base: ModelRecord,
  hasChatTemplate: boolean,
  { database, blobs }: BundleStores,
): Promise<StreamedFile[]> {
  const { training, drawn } = await originOf(adapter, database);
  const datasets = await bundleDatasets(drawn, blobs);
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
    datasets: datasets.length === 0 ? [SOLE_DATASET] : datasets,
    hasChatTemplate,
  };
  return [
    textFile('README.md', elsewhereReadme(adapter, base, recipe, { datasets, rank: peft.rank })),
    textFile('llama-factory.yaml', llamaFactoryRecipe(recipe)),
    textFile('axolotl.yaml', axolotlRecipe(recipe)),
    textFile(`${DATA_FOLDER}/dataset_info.json`, llamaFactoryDatasets(recipe.datasets)),
    ...datasets.map(({ file, blob }) => blobFile(`${DATA_FOLDER}/${file}`, blob)),
    ...peft.files.map(({ name, blob }) => blobFile(`${ADAPTER_FOLDER}/${name}`, blob)),
  ];
}
