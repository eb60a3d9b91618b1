// Datasets as the page knows them, and the one import that can be under way. Samples stay with the data worker.
import { SvelteMap } from 'svelte/reactivity';
import type { DataApi, DataStreams } from '../../protocol/data';
import type {
  DatasetFormat,
  DatasetProblem,
  DatasetRecord,
  FieldMapping,
  ImportOptions,
  ImportOutcome,
  ImportProgress,
} from '../../protocol/datasets';
import type { NamedFile } from '../../protocol/models';
import type { DatasetFix } from '../../protocol/quality';
import type { SampleDataset } from './datasets-samples';

export type DatasetsClient = Pick<
  DataApi,
  | 'listDatasets'
  | 'addSampleDataset'
  | 'reinterpret'
  | 'renameDataset'
  | 'deleteDataset'
  | 'applyFix'
  | 'undoStep'
> & {
  importDataset(
    ...args: [...Parameters<DataStreams['importDataset']>, signal?: AbortSignal]
  ): ReturnType<DataStreams['importDataset']>;
};

/** An import under way. */
export interface ImportJob {
  name: string;
  fileNames: string[];
  progress: ImportProgress | null;
}

/** An import that stored nothing, with what is needed to try it again another way. */
export interface RefusedImport {
  files: NamedFile[];
  options: ImportOptions;
  problems: DatasetProblem[];
  badLines: number;
}

export class DatasetsState {
  readonly #client: DatasetsClient;
  readonly #readSamples: () => Promise<SampleDataset[]>;
  #datasets = $state.raw<readonly DatasetRecord[]>([]);
  #samples = $state.raw<readonly SampleDataset[]>([]);
  #loaded = $state(false);
  #selectedId = $state<string | null>(null);
  #job = $state.raw<ImportJob | null>(null);
  #refused = $state.raw<RefusedImport | null>(null);
  readonly #problems = new SvelteMap<string, readonly DatasetProblem[]>();
  #addingSampleId = $state<string | null>(null);
  #stop: AbortController | null = null;

  constructor(client: DatasetsClient, readSamples: () => Promise<SampleDataset[]>) {
    this.#client = client;
    this.#readSamples = readSamples;
  }

  /** Newest first. */
  get datasets(): readonly DatasetRecord[] {
    return this.#datasets;
  }
  /** Those of texts: what a language model can learn of, or be evaluated on. */
  get texts(): readonly DatasetRecord[] {
    return this.#datasets.filter(({ pictures }) => pictures === undefined);
  }
  /** Those of pictures. */
  get pictures(): readonly DatasetRecord[] {
    return this.#datasets.filter(({ pictures }) => pictures !== undefined);
  }
  /** Those that a run can draw from: one for evaluation is only added to others, one to search never. */
  get trainable(): readonly DatasetRecord[] {
    return this.texts.filter(({ training }) => training?.evaluated !== true && training?.searched !== true);
  }
  /** Datasets that ship with the app and are not added yet. */
  get samples(): readonly SampleDataset[] {
    return this.#samples;
  }
  get loaded(): boolean {
    return this.#loaded;
  }
  get selected(): DatasetRecord | null {
    return this.#datasets.find((dataset) => dataset.id === this.#selectedId) ?? null;
  }
  get job(): ImportJob | null {
    return this.#job;
  }
  get refused(): RefusedImport | null {
    return this.#refused;
  }
  get addingSampleId(): string | null {
    return this.#addingSampleId;
  }

  dataset(id: string): DatasetRecord | null {
    return this.#datasets.find((dataset) => dataset.id === id) ?? null;
  }

  /** Lines left out of a dataset that was read in this visit. */
  problemsOf(datasetId: string): readonly DatasetProblem[] {
    return this.#problems.get(datasetId) ?? [];
  }

  select(datasetId: string | null): void {
    this.#selectedId = datasetId;
  }

  async refresh(): Promise<void> {
    this.#datasets = newestFirst(await this.#client.listDatasets());
    this.#loaded = true;
    if (this.selected === null) this.#selectedId = this.#datasets[0]?.id ?? null;
  }

  async loadSamples(): Promise<void> {
    this.#samples = await this.#readSamples();
  }

  async addSample(sampleId: string): Promise<DatasetRecord> {
    this.#addingSampleId = sampleId;
    try {
      const dataset = await this.#client.addSampleDataset(sampleId);
      this.#put(dataset);
      this.#selectedId = dataset.id;
      return dataset;
    } finally {
      this.#addingSampleId = null;
    }
  }

  /** @returns the outcome; null when it was cancelled. The refused one is also kept in `refused`. */
  async import(files: NamedFile[], options: ImportOptions): Promise<ImportOutcome | null> {
    this.cancelImport();
    this.#refused = null;
    const stop = new AbortController();
    this.#stop = stop;
    const job = { name: options.name, fileNames: files.map((file) => file.name), progress: null };
    this.#job = job;
    try {
      for await (const item of this.#client.importDataset(files, options, stop.signal)) {
        if (stop.signal.aborted) return null;
        if (item.type === 'outcome') return this.#finish(item.outcome, files, options);
        this.#job = { ...job, progress: item.progress };
      }
      return null;
    } catch (error) {
      if (stop.signal.aborted) return null;
      throw error;
    } finally {
      if (this.#stop === stop) {
        this.#stop = null;
        this.#job = null;
      }
    }
  }

  /** Stores nothing; does nothing when no import is under way. */
  cancelImport(): void {
    this.#stop?.abort();
    this.#stop = null;
    this.#job = null;
  }

  /** Tries the refused import again with other options. */
  async retryRefused(change: Partial<ImportOptions>): Promise<ImportOutcome | null> {
    const refused = this.#refused;
    if (refused === null) return null;
    return this.import(refused.files, { ...refused.options, ...change });
  }

  dismissRefused(): void {
    this.#refused = null;
  }

  /** @returns the outcome; the dataset stays as it was when it is refused. */
  async reinterpret(datasetId: string, format: DatasetFormat, mapping: FieldMapping): Promise<ImportOutcome> {
    const outcome = await this.#client.reinterpret(datasetId, format, mapping);
    if (outcome.status === 'stored') {
      this.#put(outcome.dataset);
      this.#keepProblems(outcome.dataset.id, outcome.problems);
    }
    return outcome;
  }

  async rename(datasetId: string, name: string): Promise<void> {
    this.#put(await this.#client.renameDataset(datasetId, name));
  }

  /** As the last check of the dataset proposes. */
  async applyFix(datasetId: string, fix: DatasetFix): Promise<void> {
    this.#put(await this.#client.applyFix(datasetId, fix));
  }

  async undoStep(datasetId: string, stepId: string): Promise<void> {
    this.#put(await this.#client.undoStep(datasetId, stepId));
  }

  async delete(datasetId: string): Promise<void> {
    await this.#client.deleteDataset(datasetId);
    this.#datasets = this.#datasets.filter((dataset) => dataset.id !== datasetId);
    if (this.#selectedId === datasetId) this.#selectedId = this.#datasets[0]?.id ?? null;
  }

  #finish(outcome: ImportOutcome, files: NamedFile[], options: ImportOptions): ImportOutcome {
    if (outcome.status === 'refused') {
      this.#refused = { files, options, problems: outcome.problems, badLines: outcome.badLines };
      return outcome;
    }
    this.#put(outcome.dataset);
    this.#keepProblems(outcome.dataset.id, outcome.problems);
    this.#selectedId = outcome.dataset.id;
    return outcome;
  }

  #keepProblems(datasetId: string, problems: readonly DatasetProblem[]): void {
    this.#problems.set(datasetId, problems);
  }

  #put(dataset: DatasetRecord): void {
    const others = this.#datasets.filter((existing) => existing.id !== dataset.id);
    this.#datasets = newestFirst([...others, dataset]);
  }
}

function newestFirst(datasets: readonly DatasetRecord[]): DatasetRecord[] {
  return datasets.toSorted((a, b) => b.createdAt - a.createdAt);
}
