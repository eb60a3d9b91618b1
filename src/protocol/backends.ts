// Data backends as the page sees them: where data comes from, what was built of it, and what changed since.
import type { DatasetProblem, DatasetRecord } from './datasets';
import type { ConfigDrift } from './drift';

export type { ConfigDrift } from './drift';

/** A configuration as it is written, under SimpleTuner's names. Secrets are never part of it. */
export type BackendConfigJson = Readonly<Record<string, unknown>> & { readonly id: string };

/** Secrets of one backend by the name of their key: `aws_secret_access_key`. They stay in memory. */
export type BackendSecrets = Readonly<Record<string, string>>;

/** Something wrong with a configuration. */
export interface BackendProblem {
  /** Where: `[2].crop_aspect_buckets[0]`; '' is the whole. */
  path: string;
  message: string;
  remedy: string;
}

/** What became of the samples on their way, in order. */
export interface BuildStage {
  name: 'discover' | 'read' | 'extract' | 'filter' | 'store' | 'check';
  /** Files or samples that came out of it. */
  count: number;
  milliseconds: number;
  /** Bytes of the worker's heap at its end; null where the browser does not tell. */
  memoryBytes: number | null;
}

export interface BuildReport {
  stages: BuildStage[];
  /** Samples left out, by reason: `too_small`, `too_long`, `aspect`, `filtered`, `metadata_missing`, `not_found`, `already_exists`, `other`. */
  filtering: Record<string, number>;
  /** Samples by length, the upper bound as key; pictures by aspect, width over height. */
  buckets: Record<string, number>;
  lengthUnit: 'tokens' | 'characters' | 'aspect';
  /** What to do where nothing usable came of it, or not all. In order. */
  nextSteps: string[];
  problems: DatasetProblem[];
  /** Bytes of the worker's memory while it was built; null where the browser does not tell. */
  peakBytes: number | null;
  finishedAt: number;
}

export interface BackendRecord {
  id: string;
  config: BackendConfigJson;
  /** What was built of it; null where nothing was yet. */
  datasetId: string | null;
  /** The configuration that the dataset was built with. */
  builtWith: BackendConfigJson | null;
  report: BuildReport | null;
  createdAt: number;
}

export interface BackendProgress {
  backendId: string;
  stage: BuildStage['name'];
  files: number;
  samples: number;
  bytes: number;
  /** null while the listing goes on. */
  filesTotal: number | null;
}

export type BackendBuildEvent =
  | { type: 'progress'; progress: BackendProgress }
  | { type: 'built'; backend: BackendRecord; dataset: DatasetRecord }
  /** Nothing was stored: what was built before stays. */
  | { type: 'refused'; backend: BackendRecord; report: BuildReport }
  /** It could not be read; the others go on. */
  | { type: 'failed'; backendId: string; code: string; message: string; remedy: string | null };

/** What a backend shows before anything is built of it. */
export interface BackendPreview {
  location: string;
  /** Files found so far. */
  files: number;
  /** There are more than were looked at. */
  more: boolean;
  /** The first rows of the first file. */
  rows: Record<string, unknown>[];
  columns: string[];
}

/** What became of a backend's files since its dataset was built. Paths; the first hundred of each. */
export interface FileChanges {
  added: string[];
  removed: string[];
  changed: string[];
  /** All of them, also those that are not named. */
  total: number;
}

/** The answer to a text that configures backends. Nothing is stored while there are problems. */
export interface ConfigOutcome {
  backends: BackendConfigJson[];
  /** Secrets that stood in the text, by backend: they go to the vault, not into the record. */
  secrets: Record<string, BackendSecrets>;
  problems: BackendProblem[];
  warnings: BackendProblem[];
}

export interface BackendApi {
  listBackends(): Promise<BackendRecord[]>;
  /** JSON or YAML: one backend or a list of them. Never throws for what the text says. */
  checkBackends(text: string): Promise<ConfigOutcome>;
  /** Stores a configuration; its dataset, if there is one, stays. @throws AppError `config.invalid` naming every problem. */
  saveBackend(config: BackendConfigJson): Promise<BackendRecord>;
  /** Reaches it and reads its first rows. @throws AppError `backend.unreachable`, `backend.denied`, `backend.missing`. */
  testBackend(config: BackendConfigJson, secrets: BackendSecrets): Promise<BackendPreview>;
  /** Lists it again; null where nothing was built of it yet. @throws as `testBackend`. */
  rescanBackend(id: string, secrets: BackendSecrets): Promise<FileChanges | null>;
  /** What differs from what its dataset was built with; empty where nothing does or nothing was built. */
  backendDrift(id: string): Promise<ConfigDrift[]>;
  /** The dataset that was built of it stays unless it is removed as well. */
  removeBackend(id: string, withDataset: boolean): Promise<void>;
  /** A folder that was chosen on the page: kept so that its permission can be asked again. */
  keepFolder(backendId: string, folder: FileSystemDirectoryHandle | readonly File[]): Promise<void>;
}

export interface BackendStreams {
  /**
   * Reads sources into their datasets, those that others need first and independent ones side by side. A dataset is replaced once
   * all of it is there; cancelling keeps what was.
   * @param secrets by backend.
   */
  buildBackends(
    ids: readonly string[],
    secrets: Readonly<Record<string, BackendSecrets>>,
  ): AsyncIterable<BackendBuildEvent>;
}
