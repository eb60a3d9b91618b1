// The data worker's calls about data backends: their configurations, what they show, and the datasets that are built of them.
// Secrets come with a call and go with it: none is stored, told or logged.
import {
  backendConfig,
  configDrift,
  parseBackendConfigs,
  sortByDependency,
  type BackendConfig,
  type BackendTypePlugin,
} from '../core/config/backends';
import type { BackendOptions } from '../data/backends/backend-options';
import type { DataBackend } from '../data/backends/data-backend';
import type { FolderStore } from '../data/backends/folder-store';
import { openBackend, pluginPlaces, type BackendFactory } from '../data/builders/backend-factory';
import { buildable, holdsPictures, type BuildableConfig } from '../data/builders/buildable-config';
import { datasetTraining } from '../data/builders/dataset-training';
import { withPictureFeatures } from '../data/builders/picture-features';
import { readSnapshot } from '../data/builders/snapshot-file';
import { holdImportLock, type ImportLocks } from '../data/importing/import-lock';
import { asAppError } from '../data/importing/problem-log';
import { compareSnapshots } from '../data/metadata/file-snapshot';
import { mergeStreams } from '../lib/async/merge-streams';
import { AppError, messageOf } from '../lib/errors';
import type {
  BackendApi,
  BackendBuildEvent,
  BackendConfigJson,
  BackendPreview,
  BackendRecord,
  BackendSecrets,
  BackendStreams,
  ConfigDrift,
  ConfigOutcome,
  FileChanges,
} from '../protocol/backends';
import type { DatasetRecord } from '../protocol/datasets';
import type { BatchPlans } from './batch-plans';
import { DatasetBuilder, type DatasetBuilderParts } from './dataset-builder';
import type { QualityService, StepsToRetake } from './quality-service';
import { takeStepsAgain } from './take-steps-again';

export interface BackendServiceParts extends DatasetBuilderParts {
  folders: FolderStore;
  factory: BackendFactory;
  /** Takes over which plugins are switched on. */
  followPlugins: () => Promise<void>;
  /** What backends reach the network and wait with. */
  network: Pick<BackendOptions, 'fetch' | 'clock' | 'online'>;
  /** Address of the hub that the settings name. */
  hubEndpoint: () => Promise<string>;
  /** Installed models that make vectors. */
  encoders: () => Promise<readonly { id: string; name: string }[]>;
  plans: Pick<BatchPlans, 'forgetDataset'>;
  quality: Pick<QualityService, 'stepsTaken' | 'takeStepsAgain'>;
  deleteDataset: (id: string) => Promise<void>;
  /** Named values of the settings: `{env:NAME}` of configurations. */
  variables: () => Promise<Readonly<Record<string, string>>>;
  locks: ImportLocks;
  beat: () => void;
}

type BuiltEvent = Extract<BackendBuildEvent, { type: 'built' }>;

/** What `{model_family}` and `{output_dir}` stand for: a dataset is of no model, and lies in this page's storage. */
const VARIABLES = { model_family: 'any', output_dir: 'fragua' };
/** Backends that are read side by side. */
const AT_ONCE = 2;
/** Files of a change that are named. */
const NAMED = 100;

export class BackendService implements BackendApi, BackendStreams {
  readonly #parts: BackendServiceParts;
  readonly #builder: DatasetBuilder;
  #builds = 0;

  constructor(parts: BackendServiceParts) {
    this.#parts = parts;
    this.#builder = new DatasetBuilder(parts);
  }

  get building(): boolean {
    return this.#builds > 0;
  }

  /** Newest first. */
  async listBackends(): Promise<BackendRecord[]> {
    const records = await this.#parts.database.getAll('backends');
    return records.sort((a, b) => b.createdAt - a.createdAt);
  }

  async checkBackends(text: string): Promise<ConfigOutcome> {
    const { database, variables, encoders } = this.#parts;
    const [existing, datasets, values, installed] = await Promise.all([
      database.getAll('backends'),
      database.getAll('datasets'),
      variables(),
      encoders(),
    ]);
    return parseBackendConfigs(text, {
      existing: existing.map(({ config }) => config),
      otherDatasets: datasets.filter(({ backendId }) => backendId === undefined).length,
      variables: VARIABLES,
      encoders: installed,
      env: (name) => values[name],
      run: null,
      plugins: await this.#places(),
    });
  }

  async saveBackend(config: BackendConfigJson): Promise<BackendRecord> {
    const checked = await this.#checked(config);
    const before = await this.#parts.database.get('backends', config.id);
    const record: BackendRecord = {
      ...(before ?? { datasetId: null, builtWith: null, report: null, createdAt: this.#parts.now() }),
      id: config.id,
      config,
    };
    await this.#parts.database.put('backends', record);
    const dataset = await this.#built(record);
    if (dataset !== null) await this.#keepTraining(buildable(checked), dataset);
    return record;
  }

  async testBackend(json: BackendConfigJson, secrets: BackendSecrets): Promise<BackendPreview> {
    const config = await this.#checked(json).then(buildable);
    return this.#reading(config, secrets, (source) => this.#builder.preview(source, config));
  }

  async rescanBackend(id: string, secrets: BackendSecrets): Promise<FileChanges | null> {
    const { config: json, datasetId } = await this.#find(id);
    const dataset = datasetId === null ? undefined : await this.#parts.database.get('datasets', datasetId);
    const before = dataset === undefined ? null : await readSnapshot(this.#parts.blobs, dataset);
    if (before === null) return null;
    const config = await this.#checked(json).then(buildable);
    const now = await this.#reading(config, secrets, (source) => this.#builder.list(source, config));
    const { added, removed, changed } = compareSnapshots(before, now);
    const named = (paths: string[]): string[] => paths.slice(0, NAMED);
    const total = added.length + removed.length + changed.length;
    return { added: named(added), removed: named(removed), changed: named(changed), total };
  }

  async backendDrift(id: string): Promise<ConfigDrift[]> {
    const { builtWith, config } = await this.#find(id);
    return builtWith === null ? [] : configDrift(builtWith, config, await this.#places());
  }

  async removeBackend(id: string, withDataset: boolean): Promise<void> {
    const { datasetId } = await this.#find(id);
    await this.#parts.database.delete('backends', id);
    await this.#parts.folders.remove(id);
    if (withDataset && datasetId !== null) await this.#parts.deleteDataset(datasetId);
  }

  keepFolder(...[id, folder]: Parameters<BackendApi['keepFolder']>): Promise<void> {
    return this.#parts.folders.keep(id, folder);
  }

  async *buildBackends(
    ids: readonly string[],
    secrets: Readonly<Record<string, BackendSecrets>>,
    signal?: AbortSignal,
  ): AsyncGenerator<BackendBuildEvent> {
    const records = await Promise.all(ids.map((id) => this.#find(id)));
    const byId = new Map(records.map((record) => [record.id, record]));
    const { configs } = sortByDependency(records.map(({ config }) => config));
    const sorted = configs.flatMap(({ id }) => byId.get(id) ?? []);
    const release = await holdImportLock(this.#parts.locks);
    this.#builds += 1;
    try {
      const builds = sorted.map((record) => this.#build(record, secrets[record.id] ?? {}, signal));
      for await (const event of mergeStreams(builds, AT_ONCE)) {
        this.#parts.beat();
        yield event;
      }
    } finally {
      this.#builds -= 1;
      release();
    }
  }

  /** Where caches lie, for whoever keeps them there; the caller closes it. */
  async openPlace(json: BackendConfigJson, secrets: BackendSecrets): Promise<DataBackend> {
    return this.#open(await this.#checked(json), secrets);
  }

  /** What goes wrong with one backend is its own: the others are built all the same. */
  async *#build(
    record: BackendRecord,
    secrets: BackendSecrets,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<BackendBuildEvent> {
    let source: DataBackend | null = null;
    try {
      const config = await this.#checked(record.config).then(buildable);
      source = await this.#open(config, secrets);
      await source.check(signal);
      const before = await this.#built(record);
      const steps = await this.#stepsTaken(before, config);
      for await (const event of this.#builder.build({ record, source, before }, config, signal)) {
        if (event.type === 'refused') await this.#parts.database.put('backends', event.backend);
        yield event.type === 'built' ? yield* this.#keepBuilt(event, config, steps, signal) : event;
      }
    } catch (error) {
      if (signal?.aborted === true) throw error;
      yield failed(record.id, error);
    } finally {
      await source?.close();
    }
  }

  /** The record is put once the dataset is there: until then what was built before is what there is. */
  async *#keepBuilt(
    event: BuiltEvent,
    config: BuildableConfig,
    steps: StepsToRetake | null,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<BackendBuildEvent, BackendBuildEvent> {
    const kept = { ...event, dataset: await this.#keepTraining(config, event.dataset) };
    await this.#parts.database.put('backends', kept.backend);
    if (steps === null) return kept;
    const again = yield* takeStepsAgain(kept, steps, this.#parts, signal);
    await this.#parts.database.put('backends', again.backend);
    return again;
  }

  /** What was done about texts says nothing about pictures. */
  async #stepsTaken(before: DatasetRecord | null, config: BuildableConfig): Promise<StepsToRetake | null> {
    return before === null || holdsPictures(config) ? null : this.#parts.quality.stepsTaken(before);
  }

  /** What may change without building again. */
  async #keepTraining(config: BuildableConfig, dataset: DatasetRecord): Promise<DatasetRecord> {
    this.#parts.plans.forgetDataset(dataset.id);
    const kept = holdsPictures(config)
      ? withPictureFeatures(dataset, config)
      : { ...dataset, training: datasetTraining(config, dataset.id) };
    await this.#parts.database.put('datasets', kept);
    return kept;
  }

  async #checked(json: BackendConfigJson): Promise<BackendConfig> {
    return backendConfig(json, await this.#places());
  }

  /** The places of plugins as they are now: they are switched on and off in another worker. */
  async #places(): Promise<BackendTypePlugin[]> {
    await this.#parts.followPlugins();
    return pluginPlaces(this.#parts.factory);
  }

  async #built({ datasetId }: BackendRecord): Promise<DatasetRecord | null> {
    return datasetId === null ? null : ((await this.#parts.database.get('datasets', datasetId)) ?? null);
  }

  async #reading<Result>(
    config: BuildableConfig,
    secrets: BackendSecrets,
    work: (source: DataBackend) => Promise<Result>,
  ): Promise<Result> {
    const source = await this.#open(config, secrets);
    try {
      return await work(source);
    } finally {
      await source.close();
    }
  }

  async #open(config: BackendConfig, secrets: BackendSecrets): Promise<DataBackend> {
    const { factory, folders, network, blobs } = this.#parts;
    const [folder, hubEndpoint] = await Promise.all([folders.find(config.id), this.#parts.hubEndpoint()]);
    return openBackend(factory, { config, secrets, folder, blobs, hubEndpoint, ...network });
  }

  /** @throws AppError `backend.unknown`. */
  async #find(id: string): Promise<BackendRecord> {
    const record = await this.#parts.database.get('backends', id);
    if (record !== undefined) return record;
    throw new AppError('backend.unknown', `There is no data backend "${id}".`, {
      remedy: 'Choose one of those listed under Data; it may have been removed in another tab.',
      details: { id },
    });
  }
}

function failed(backendId: string, error: unknown): BackendBuildEvent {
  const known = asAppError(error);
  const { code, remedy } = known ?? { code: 'internal', remedy: null };
  return { type: 'failed', backendId, code, message: messageOf(error), remedy };
}
