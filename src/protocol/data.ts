// The data worker's calls. It owns datasets, tokenising and batches.
import type { BackendApi, BackendSecrets, BackendStreams } from './backends';
import type { BatchPlan, BatchSummary, OpenedPlan, TokenBatch } from './batches';
import type {
  DatasetFormat,
  DatasetRecord,
  FieldMapping,
  ImportOptions,
  ImportOutcome,
  ImportProgress,
  LengthHistogram,
  RenderedSample,
  ShownSample,
} from './datasets';
import type { CacheSizes } from './caches';
import type { EmbeddingApi, EmbeddingStreams, EncodingApi } from './encoding';
import type { HubApi, HubStreams } from './hub';
import type { NamedFile } from './models';
import type { DatasetFix, QualityEvent, QualityReport, QualitySettings } from './quality';
import type { PicturesApi } from './pictures';
import type { WorkerApi } from './workers';

export interface QualityApi {
  /** What the last check found; null where there was none since the dataset was read. */
  qualityReport(datasetId: string): Promise<QualityReport | null>;
  /** Does what the last report proposes, as a step that can be taken back. @throws AppError `config.invalid` without one. */
  applyFix(datasetId: string, fix: DatasetFix): Promise<DatasetRecord>;
  undoStep(datasetId: string, stepId: string): Promise<DatasetRecord>;
}

export interface QualityStreams {
  /** Ends with the report, which is kept; cancelling keeps the one before. */
  checkQuality(datasetId: string, settings: QualitySettings): AsyncIterable<QualityEvent>;
}

export interface CacheApi {
  /** What is kept of tokens and vectors, dataset by dataset. */
  cacheSizes(): Promise<CacheSizes>;
  /** Tokens are made again when they are needed, vectors when they are asked for. @param datasetId null: those of all datasets. */
  clearCache(datasetId: string | null): Promise<void>;
  /**
   * Opens the bucket of a text_embeds backend for as long as the worker lives: its secrets are held by the open connection only.
   * @throws AppError `backend.unknown`, `backend.denied`, `backend.unreachable`, `backend.missing`.
   */
  connectStore(id: string, secrets: BackendSecrets): Promise<void>;
}

export interface DataApi extends WorkerApi, QualityApi, CacheApi, EmbeddingApi, PicturesApi {
  listDatasets(): Promise<DatasetRecord[]>;
  /** Copies a dataset that ships with the app (public/samples/index.json) into the store; again gives the same record. */
  addSampleDataset(sampleId: string): Promise<DatasetRecord>;
  /** Reads the samples again under another format or mapping. */
  reinterpret(datasetId: string, format: DatasetFormat, mapping: FieldMapping): Promise<ImportOutcome>;
  renameDataset(datasetId: string, name: string): Promise<DatasetRecord>;
  deleteDataset(datasetId: string): Promise<void>;
  preview(datasetId: string, offset: number, count: number): Promise<ShownSample[]>;
  /** One sample as the model sees it, with the loss mask. */
  renderSample(plan: BatchPlan, index: number): Promise<RenderedSample>;
  lengthHistogram(datasetId: string, modelId: string): Promise<LengthHistogram>;
  summarize(plan: BatchPlan): Promise<BatchSummary>;
}

export interface DataStreams extends QualityStreams, EmbeddingStreams {
  /** Ends with the outcome; cancelling stores nothing. */
  importDataset(
    files: NamedFile[],
    options: ImportOptions,
  ): AsyncIterable<
    { type: 'progress'; progress: ImportProgress } | { type: 'outcome'; outcome: ImportOutcome }
  >;
}

/** All that the data worker answers: datasets, the backends they are built of, and what comes from a model hub. */
export interface DataWorkerApi extends DataApi, BackendApi, HubApi {}
export interface DataWorkerStreams extends DataStreams, BackendStreams, HubStreams {}

/** What the engine worker calls over its own port. */
export interface BatchApi {
  /** @throws AppError `training.invalid` where the dataset has not the samples that the plan names. */
  openPlan(plan: BatchPlan): Promise<OpenedPlan>;
  trainBatch(planId: string, index: number): Promise<TokenBatch>;
  evalBatch(planId: string, index: number): Promise<TokenBatch>;
  evalPrompts(planId: string, count: number): Promise<string[]>;
  /** Figures about the batches that were drawn so far, by the names of the sampling metrics. */
  samplingMetrics(planId: string): Promise<Record<string, number>>;
  closePlan(planId: string): Promise<void>;
}

/** All that the data worker answers the engine worker. */
export interface PeerApi extends BatchApi, EncodingApi {}
