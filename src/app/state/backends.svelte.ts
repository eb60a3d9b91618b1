// Data backends as the page knows them, and the one build that can be under way. Their data stay with the data worker; their
// credentials stay in the vault and go along with single calls.
import { SvelteMap } from 'svelte/reactivity';
import { isStore } from '../../core/config/backends/dataset-types';
import type {
  BackendApi,
  BackendBuildEvent,
  BackendConfigJson,
  BackendPreview,
  BackendProgress,
  BackendRecord,
  BackendSecrets,
  BackendStreams,
  BuildReport,
  ConfigDrift,
  ConfigOutcome,
  FileChanges,
} from '../../protocol/backends';
import type { DatasetRecord } from '../../protocol/datasets';
import type { BackendFolders } from './backend-folders';
import type { BackendSecretStore } from './backend-secrets';

export type BackendsClient = BackendApi & {
  buildBackends(
    ...args: [...Parameters<BackendStreams['buildBackends']>, signal?: AbortSignal]
  ): ReturnType<BackendStreams['buildBackends']>;
};

export interface BackendFailure {
  code: string;
  message: string;
  remedy: string | null;
}

/** `store` holds a cache: nothing is built of it. */
export type BackendStatus = 'building' | 'failed' | 'changed' | 'ready' | 'unbuilt' | 'store';

export type ChosenSource = FileSystemDirectoryHandle | readonly File[];

export interface BackendsParts {
  client: BackendsClient;
  secrets: BackendSecretStore;
  folders: BackendFolders;
  /** Datasets were made, replaced or removed. */
  onDatasets: () => Promise<void>;
  /** One was built, and is there. */
  onBuilt?: (dataset: DatasetRecord) => void;
  /** Opens a bucket that caches lie in. */
  connectStore?: (id: string, secrets: BackendSecrets) => Promise<void>;
  /** One could not be opened: work goes on without its cache. */
  onStoreOff?: (id: string) => void;
  hasDataset: (id: string) => boolean;
}

export class BackendsState {
  readonly #parts: BackendsParts;
  #backends = $state.raw<readonly BackendRecord[]>([]);
  #loaded = $state(false);
  #selectedId = $state<string | null>(null);
  readonly #drift = new SvelteMap<string, readonly ConfigDrift[]>();
  readonly #failures = new SvelteMap<string, BackendFailure>();
  readonly #refusals = new SvelteMap<string, BuildReport>();
  readonly #progress = new SvelteMap<string, BackendProgress | null>();
  readonly #changes = new SvelteMap<string, FileChanges>();
  #stop: AbortController | null = null;

  constructor(parts: BackendsParts) {
    this.#parts = parts;
  }

  /** Newest first. */
  get backends(): readonly BackendRecord[] {
    return this.#backends;
  }
  get loaded(): boolean {
    return this.#loaded;
  }
  get selected(): BackendRecord | null {
    return this.backend(this.#selectedId);
  }
  get building(): boolean {
    return this.#progress.size > 0;
  }
  get folders(): BackendFolders {
    return this.#parts.folders;
  }

  backend(id: string | null): BackendRecord | null {
    return this.#backends.find((backend) => backend.id === id) ?? null;
  }

  ofDataset(datasetId: string): BackendRecord | null {
    return this.#backends.find((backend) => backend.datasetId === datasetId) ?? null;
  }

  status(backend: BackendRecord): BackendStatus {
    const { id } = backend;
    if (isStore(backend.config)) return 'store';
    if (this.#progress.has(id)) return 'building';
    if (this.#failures.has(id) || this.#refusals.has(id)) return 'failed';
    if (!this.isBuilt(backend)) return 'unbuilt';
    return this.driftOf(id).length > 0 || this.#changes.has(id) ? 'changed' : 'ready';
  }

  /** Its dataset may have been deleted since. */
  isBuilt({ datasetId }: BackendRecord): boolean {
    return datasetId !== null && this.#parts.hasDataset(datasetId);
  }

  /** Settings that are not as they were when its dataset was built. */
  driftOf(id: string): readonly ConfigDrift[] {
    return this.#drift.get(id) ?? [];
  }
  failureOf(id: string): BackendFailure | null {
    return this.#failures.get(id) ?? null;
  }
  /** Of a build in this visit that stored nothing. */
  refusalOf(id: string): BuildReport | null {
    return this.#refusals.get(id) ?? null;
  }
  /** null while nothing was found yet; undefined where it is not being built. */
  progressOf(id: string): BackendProgress | null | undefined {
    return this.#progress.get(id);
  }
  /** Files that changed since its dataset was built, as the last scan of this visit found. */
  changesOf(id: string): FileChanges | null {
    return this.#changes.get(id) ?? null;
  }

  select(id: string | null): void {
    this.#selectedId = id;
  }

  async refresh(): Promise<void> {
    this.#backends = await this.#parts.client.listBackends();
    await Promise.all(this.#backends.map(({ id }) => this.#readDrift(id)));
    this.#loaded = true;
  }

  /** Every bucket that caches lie in, with the credentials that are kept for it. Never throws. */
  async connectStores(): Promise<void> {
    const { client, onStoreOff } = this.#parts;
    const backends = await client.listBackends().catch(() => []);
    for (const { id, config } of backends) {
      if (!isStore(config) || config['type'] !== 'aws') continue;
      await this.connectStore(id).catch(() => onStoreOff?.(id));
    }
  }

  /** @throws why it cannot be opened. */
  async connectStore(id: string): Promise<void> {
    const { connectStore, secrets } = this.#parts;
    await connectStore?.(id, await secrets.of(id));
  }

  check(text: string): Promise<ConfigOutcome> {
    return this.#parts.client.checkBackends(text);
  }

  /** Names of the credentials that are kept for it. */
  secretKeys(id: string): Promise<string[]> {
    return this.#parts.secrets.keys(id);
  }

  /** Reads its first rows. What is entered goes before what is kept. */
  async test(
    config: BackendConfigJson,
    entered: BackendSecrets,
    folder: ChosenSource | null,
  ): Promise<BackendPreview> {
    const { client, secrets } = this.#parts;
    if (folder !== null) await client.keepFolder(config.id, folder);
    return client.testBackend(config, { ...(await secrets.of(config.id)), ...filled(entered) });
  }

  /** Stores configurations and their credentials; nothing is read yet. */
  async save(
    configs: readonly BackendConfigJson[],
    entered: Readonly<Record<string, BackendSecrets>> = {},
  ): Promise<void> {
    const { client, secrets } = this.#parts;
    for (const config of configs) await client.saveBackend(config);
    for (const [id, values] of Object.entries(entered)) await secrets.keep(id, values);
    await this.refresh();
    if (configs.some(isStore)) void this.connectStores();
  }

  /** It is chosen anew: what failed for want of it can be tried again. */
  async keepFolder(id: string, folder: ChosenSource): Promise<void> {
    await this.#parts.client.keepFolder(id, folder);
    this.#failures.delete(id);
  }

  /** Builds their datasets. Failures are kept for each; throws only where the worker itself fails. */
  async build(ids: readonly string[]): Promise<void> {
    this.cancelBuild();
    const stop = new AbortController();
    this.#stop = stop;
    for (const id of ids) this.#begin(id);
    try {
      for (const id of ids) await this.#parts.folders.allow(id);
      const secrets = await this.#secretsOf(ids);
      for await (const event of this.#parts.client.buildBackends(ids, secrets, stop.signal)) {
        if (stop.signal.aborted) return;
        await this.#take(event);
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      if (this.#stop === stop) this.#ended();
    }
  }

  /** What was built before stays. */
  cancelBuild(): void {
    this.#stop?.abort();
    this.#ended();
  }

  /** @returns what changed; null where nothing was built of it yet. */
  async rescan(id: string): Promise<FileChanges | null> {
    const { client, folders, secrets } = this.#parts;
    await folders.allow(id);
    const changes = await client.rescanBackend(id, await secrets.of(id));
    if (changes === null || changes.total === 0) this.#changes.delete(id);
    else this.#changes.set(id, changes);
    return changes;
  }

  /** Puts its settings back to those that its dataset was built with. */
  async keepBuilt({ builtWith }: BackendRecord): Promise<void> {
    if (builtWith !== null) await this.save([builtWith]);
  }

  async remove(id: string, withDataset: boolean): Promise<void> {
    await this.#parts.client.removeBackend(id, withDataset);
    await this.#parts.secrets.forget(id);
    if (this.#selectedId === id) this.#selectedId = null;
    await this.refresh();
    await this.#parts.onDatasets();
  }

  #begin(id: string): void {
    this.#failures.delete(id);
    this.#refusals.delete(id);
    this.#progress.set(id, null);
  }

  #ended(): void {
    this.#stop = null;
    this.#progress.clear();
  }

  async #take(event: BackendBuildEvent): Promise<void> {
    if (event.type === 'progress') {
      this.#progress.set(event.progress.backendId, event.progress);
      return;
    }
    const id = event.type === 'failed' ? event.backendId : event.backend.id;
    this.#progress.delete(id);
    if (event.type === 'failed') {
      this.#failures.set(id, event);
      return;
    }
    this.#put(event.backend);
    if (event.type === 'refused') this.#refusals.set(id, event.report);
    else this.#changes.delete(id);
    await this.#readDrift(id);
    if (event.type !== 'built') return;
    await this.#parts.onDatasets();
    this.#parts.onBuilt?.(event.dataset);
  }

  #put(backend: BackendRecord): void {
    this.#backends = this.#backends.map((known) => (known.id === backend.id ? backend : known));
  }

  async #readDrift(id: string): Promise<void> {
    this.#drift.set(id, await this.#parts.client.backendDrift(id));
  }

  async #secretsOf(ids: readonly string[]): Promise<Record<string, BackendSecrets>> {
    const found = await Promise.all(ids.map(async (id) => [id, await this.#parts.secrets.of(id)] as const));
    return Object.fromEntries(found);
  }
}

function filled(secrets: BackendSecrets): BackendSecrets {
  return Object.fromEntries(Object.entries(secrets).filter(([, value]) => value.trim() !== ''));
}
