// The data worker's calls for the page: datasets, previews, rendered examples. Batches for the engine are batch-plans'.
import type { Database } from '../core/database';
import type { ExampleEncoder } from '../data/examples/example-encoder';
import { isTooLargeToSurvey } from '../data/batches/estimated-dataset';
import { estimatedLengths } from '../data/batches/length-estimate';
import { lengthHistogram } from '../data/examples/length-histogram';
import { importDataset, sampleDatasetId, type ImportEvent } from '../data/importing/import-dataset';
import { holdImportLock, type ImportLocks } from '../data/importing/import-lock';
import { reinterpretDataset } from '../data/importing/reinterpret-dataset';
import { findSample, type ReadSampleFile, readSampleBlob } from '../data/sample-index';
import { StoredPictures } from '../data/images/stored-pictures';
import { SampleReader } from '../data/storage/sample-reader';
import { AppError } from '../lib/errors';
import type { BlobStore } from '../lib/storage/blob-store';
import type { BatchPlan, BatchSummary } from '../protocol/batches';
import type { CacheApi, DataApi, DataStreams, QualityApi, QualityStreams } from '../protocol/data';
import type { EmbeddingApi, EmbeddingStreams } from '../protocol/encoding';
import type {
  DatasetFormat,
  DatasetRecord,
  FieldMapping,
  ImportOptions,
  ImportOutcome,
  LengthHistogram,
  RenderedSample,
  Sample,
  ShownSample,
} from '../protocol/datasets';
import type { NamedFile } from '../protocol/models';
import type { StoredPicture } from '../protocol/pictures';
import type { BatchPlans } from './batch-plans';
import type { CacheStores } from './cache-stores';
import type { TextTools } from './text-tools';

export interface DataServiceDependencies {
  database: Database;
  blobs: BlobStore;
  tools: TextTools;
  plans: BatchPlans;
  caches: Pick<CacheStores, 'clear'>;
  readSampleFile: ReadSampleFile;
  locks: ImportLocks;
  beat: () => void;
}

const SAMPLES_PER_PAUSE = 64;

export class DataService
  implements
    Omit<DataApi, 'health' | keyof QualityApi | keyof CacheApi | keyof EmbeddingApi>,
    Omit<DataStreams, keyof QualityStreams | keyof EmbeddingStreams>
{
  readonly #dependencies: DataServiceDependencies;
  readonly #addingSamples = new Map<string, Promise<DatasetRecord>>();
  #imports = 0;

  constructor(dependencies: DataServiceDependencies) {
    this.#dependencies = dependencies;
  }

  get importing(): boolean {
    return this.#imports > 0;
  }

  /** Newest first. */
  async listDatasets(): Promise<DatasetRecord[]> {
    const records = await this.#dependencies.database.getAll('datasets');
    return records.sort((a, b) => b.createdAt - a.createdAt);
  }

  /** Two calls at once add it once. */
  addSampleDataset(sampleId: string): Promise<DatasetRecord> {
    const running = this.#addingSamples.get(sampleId);
    if (running !== undefined) return running;
    const adding = this.#addSample(sampleId).finally(() => this.#addingSamples.delete(sampleId));
    this.#addingSamples.set(sampleId, adding);
    return adding;
  }

  async *importDataset(
    files: NamedFile[],
    options: ImportOptions,
    signal?: AbortSignal,
  ): AsyncGenerator<ImportEvent> {
    const release = await holdImportLock(this.#dependencies.locks);
    this.#imports++;
    try {
      const request = { files, options, sampleId: null };
      for await (const event of importDataset(request, this.#dependencies, signal)) {
        this.#dependencies.beat();
        yield event;
      }
    } finally {
      this.#imports--;
      release();
    }
  }

  async reinterpret(datasetId: string, format: DatasetFormat, mapping: FieldMapping): Promise<ImportOutcome> {
    const record = await this.#findTexts(datasetId);
    const outcome = await reinterpretDataset(record, format, mapping, this.#dependencies);
    this.#dependencies.plans.forgetDataset(datasetId);
    return outcome;
  }

  async renameDataset(datasetId: string, name: string): Promise<DatasetRecord> {
    const record = await this.findDataset(datasetId);
    if (name.trim() === '') {
      throw new AppError('config.invalid', 'A dataset needs a name of at least one character.', {
        remedy: 'Type a name.',
      });
    }
    const renamed = { ...record, name: name.trim() };
    await this.#dependencies.database.put('datasets', renamed);
    return renamed;
  }

  /** The record goes first: a crash in between leaves files without a dataset, never a dataset without files. */
  async deleteDataset(datasetId: string): Promise<void> {
    const record = await this.findDataset(datasetId);
    await this.#dependencies.database.delete('datasets', datasetId);
    this.#dependencies.plans.forgetDataset(datasetId);
    await this.#dependencies.caches.clear(datasetId);
    await this.#dependencies.blobs.remove(record.folder);
  }

  async preview(datasetId: string, offset: number, count: number): Promise<ShownSample[]> {
    const reader = await this.#reader(datasetId);
    const shown: ShownSample[] = [];
    const end = Math.min(reader.count, offset + count);
    for (let index = Math.max(0, offset); index < end; index++)
      shown.push({ sample: await reader.read(index), leftOut: reader.leftOut.has(index) });
    return shown;
  }

  /** Texts are shown whole, since all their windows are learnt; a conversation is cut where training cuts it. */
  async renderSample(plan: BatchPlan, index: number): Promise<RenderedSample> {
    const reader = await this.#reader(plan.datasetId);
    checkSample(index, reader.count);
    const encoder = await this.#dependencies.tools.encoderFor(plan.modelId);
    return render(encoder, await reader.read(index), index, plan);
  }

  /** Lengths before cutting. Samples that the chat template refuses are left out. */
  async lengthHistogram(datasetId: string, modelId: string): Promise<LengthHistogram> {
    const record = await this.#findTexts(datasetId);
    const reader = await SampleReader.open(record, this.#dependencies.blobs);
    const encoder = await this.#dependencies.tools.encoderFor(modelId);
    if (isTooLargeToSurvey(record))
      return { ...lengthHistogram(await estimatedLengths(reader, encoder)), estimated: true };
    const lengths: number[] = [];
    for (let index = 0; index < reader.count; index++) {
      if (index % SAMPLES_PER_PAUSE === 0) await this.#pause();
      if (reader.leftOut.has(index)) continue;
      const example = encoder.encode(await reader.read(index), 'all');
      if (typeof example !== 'string') lengths.push(example.ids.length);
    }
    return lengthHistogram(lengths);
  }

  summarize(plan: BatchPlan): Promise<BatchSummary> {
    return this.#dependencies.plans.summarize(plan);
  }

  async pictures(datasetId: string, offset: number, count: number): Promise<StoredPicture[]> {
    const record = await this.findDataset(datasetId);
    if (record.pictures === undefined) return [];
    return (await StoredPictures.open(record, this.#dependencies.blobs)).page(offset, count);
  }

  findDataset(id: string): Promise<DatasetRecord> {
    return findDataset(this.#dependencies.database, id);
  }

  #findTexts(id: string): Promise<DatasetRecord> {
    return findTexts(this.#dependencies.database, id);
  }

  async #addSample(sampleId: string): Promise<DatasetRecord> {
    const { database, readSampleFile } = this.#dependencies;
    const existing = await database.get('datasets', sampleDatasetId(sampleId));
    if (existing !== undefined) return existing;
    const entry = await findSample(sampleId, readSampleFile);
    const files = [{ name: entry.fileName, blob: await readSampleBlob(entry, readSampleFile) }];
    const options: ImportOptions = { name: entry.name, onBadLine: 'stop', format: null, mapping: null };
    const release = await holdImportLock(this.#dependencies.locks);
    try {
      const request = { files, options, sampleId };
      for await (const event of importDataset(request, this.#dependencies)) {
        if (event.type === 'outcome') return storedRecord(event.outcome, entry.fileName);
      }
    } finally {
      release();
    }
    throw new AppError('internal', `Adding the sample "${sampleId}" ended without an outcome.`);
  }

  async #reader(datasetId: string): Promise<SampleReader> {
    return SampleReader.open(await this.#findTexts(datasetId), this.#dependencies.blobs);
  }

  /** Lets other calls through, and shows that a long count is alive. */
  async #pause(): Promise<void> {
    this.#dependencies.beat();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** @throws AppError `dataset.unknown` naming the id. */
export async function findDataset(database: Database, id: string): Promise<DatasetRecord> {
  const record = await database.get('datasets', id);
  if (record !== undefined) return record;
  throw new AppError('dataset.unknown', `There is no dataset with the id "${id}".`, {
    remedy: 'Choose one of the datasets listed under Data; it may have been deleted in another tab.',
    details: { datasetId: id },
  });
}

/** @throws AppError `dataset.unknown`; `dataset.pictures` where it holds no texts. */
export async function findTexts(database: Database, id: string): Promise<DatasetRecord> {
  const record = await findDataset(database, id);
  if (record.pictures === undefined) return record;
  throw new AppError(
    'dataset.pictures',
    `"${record.name}" holds pictures: a language model learns of texts.`,
    {
      remedy: 'Choose a dataset of texts.',
      details: { datasetId: id },
    },
  );
}

function render(encoder: ExampleEncoder, sample: Sample, index: number, plan: BatchPlan): RenderedSample {
  const example = encoder.encode(sample, plan.trainOn);
  // Without a token to learn it is still shown, all of it outside the loss.
  const shown = example === 'no-answer' ? encoder.encode(sample, 'all') : example;
  if (typeof shown === 'string') {
    throw new AppError('dataset.all-masked', `Sample ${index} takes no part in training: ${shown}.`, {
      remedy: 'Look at its turns: they have to alternate between user and assistant.',
      details: { index, reason: shown },
    });
  }
  const limit = shown.kind === 'text' ? shown.ids.length : plan.sequenceLength + 1;
  const pieces = encoder.pieces(shown.ids);
  const tokens = pieces.slice(0, limit).map((text, i) => ({
    tokenId: shown.ids[i] ?? 0,
    text,
    trained: shown === example && shown.trained[i] === 1,
  }));
  return { index, tokens, truncated: shown.ids.length > limit };
}

function checkSample(index: number, count: number): void {
  if (Number.isSafeInteger(index) && index >= 0 && index < count) return;
  throw new AppError('dataset.unknown', `There is no sample ${index}; the dataset has ${count}.`, {
    remedy: `Choose a number from 0 to ${count - 1}.`,
    details: { index, count },
  });
}

function storedRecord(outcome: ImportOutcome, fileName: string): DatasetRecord {
  if (outcome.status === 'stored') return outcome.dataset;
  const [problem] = outcome.problems;
  throw new AppError(
    'import.invalid',
    `samples/${fileName} cannot be used: ${problem?.message ?? 'no reason'}`,
    {
      remedy: 'Reload the page to get the present files of this site.',
    },
  );
}
