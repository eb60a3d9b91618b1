// The caches of the data worker by where they lie, and which of them a dataset's values go to: the storage of this page, or what
// the text_embeds backend says that its source names. A bucket is connected by a call that hands over its secrets; without it
// nothing of it is read or kept, and whoever would use it goes on without.
import { isStore } from '../core/config/backends/dataset-types';
import type { Database } from '../core/database';
import type { DataBackend } from '../data/backends/data-backend';
import { DEFAULT_CACHE, mergedCache, storeOf } from '../data/caches/dataset-cache';
import { PackStore } from '../data/caches/pack-store';
import { tokenCache, TOKENS, vectorCache, VECTORS } from '../data/caches/page-caches';
import { UnconnectedStore } from '../data/caches/unconnected-store';
import { ValueCache } from '../data/caches/value-cache';
import { AppError, messageOf } from '../lib/errors';
import type { BackendConfigJson, BackendSecrets } from '../protocol/backends';
import type { CacheSizes, StoreSizes, ValueSizes } from '../protocol/caches';
import type { DatasetCache, DatasetRecord } from '../protocol/datasets';

/** What is kept in one place. */
interface StoreCaches {
  tokens: ValueCache;
  vectors: ValueCache;
}

export type CacheKind = keyof StoreCaches;

/** A cache, and how a dataset's values are kept in it. */
export interface DatasetValues extends DatasetCache {
  cache: ValueCache;
}

export interface CacheStoresParts {
  database: Database;
  /** Opens a backend of dataset_type text_embeds. */
  openStore: (config: BackendConfigJson, secrets: BackendSecrets) => Promise<DataBackend>;
  now: () => number;
  createId: () => string;
  warn: (text: string) => void;
}

interface OpenStore {
  /** As it was opened: another configuration is another place. */
  config: string;
  backend: DataBackend;
  caches: StoreCaches;
}

const MEBIBYTE = 1 << 20;

export class CacheStores {
  readonly #parts: CacheStoresParts;
  readonly #page: StoreCaches;
  readonly #open = new Map<string, Promise<OpenStore>>();
  readonly #unconnected = new Map<string, StoreCaches>();

  constructor(parts: CacheStoresParts) {
    this.#parts = parts;
    this.#page = { tokens: tokenCache(parts.database), vectors: vectorCache(parts.database) };
  }

  async valuesOf(dataset: DatasetRecord, kind: CacheKind): Promise<DatasetValues> {
    const store = await this.#storeOf(dataset);
    const caches = store === null ? this.#page : await this.#cachesOf(store);
    const own = dataset.pictures === undefined ? dataset.training?.cache : dataset.pictures.features?.cache;
    const settings = mergedCache(own ?? DEFAULT_CACHE, store);
    return { cache: caches[kind], ...settings };
  }

  /**
   * Opens a bucket for this session, or says why that cannot be.
   * @throws AppError `backend.unknown`, `backend.denied`, `backend.unreachable`, `backend.missing`.
   */
  async connectStore(id: string, secrets: BackendSecrets): Promise<void> {
    const config = (await this.#elsewhere()).find((store) => store.id === id);
    if (config === undefined) throw unknownStore(id);
    const opening = this.#openStore(config, secrets);
    const { backend } = await opening;
    try {
      await backend.check();
    } catch (error) {
      await backend.close();
      throw error;
    }
    const before = this.#open.get(config.id);
    this.#open.set(config.id, opening);
    this.#unconnected.delete(config.id);
    await (await before)?.backend.close();
  }

  async sizes(): Promise<CacheSizes> {
    const stores = [await storeSizes(null, this.#page)];
    for (const config of await this.#elsewhere())
      stores.push(await storeSizes(config.id, await this.#cachesOf(config)));
    return { stores };
  }

  /** @param datasetId null: of all datasets. A bucket that is not connected keeps what it has. */
  async clear(datasetId: string | null): Promise<void> {
    const elsewhere = await Promise.all((await this.#elsewhere()).map((config) => this.#cachesOf(config)));
    for (const { tokens, vectors } of [this.#page, ...elsewhere]) {
      await tokens.clear(datasetId);
      await vectors.clear(datasetId);
    }
  }

  /** null: the storage of this page. Files that were added by hand have no configuration that could name another one. */
  async #storeOf({ backendId, pictures }: DatasetRecord): Promise<BackendConfigJson | null> {
    if (backendId === undefined) return null;
    const configs = await this.#configs();
    const backend = configs.find(({ id }) => id === backendId) ?? {};
    return storeOf(backend, configs, pictures === undefined ? 'text_embeds' : 'image_embeds');
  }

  async #elsewhere(): Promise<BackendConfigJson[]> {
    return (await this.#configs()).filter(
      (config) => isStore(config) && config['type'] !== undefined && config['type'] !== 'local',
    );
  }

  async #configs(): Promise<BackendConfigJson[]> {
    return (await this.#parts.database.getAll('backends')).map(({ config }) => config);
  }

  async #cachesOf(config: BackendConfigJson): Promise<StoreCaches> {
    if (config['type'] === undefined || config['type'] === 'local') return this.#page;
    const open = await this.#open.get(config.id);
    if (open !== undefined && open.config === JSON.stringify(config)) return open.caches;
    if (config['type'] !== 'memory') return this.#unconnectedCaches(config.id);
    const opening = this.#openStore(config, {});
    this.#open.set(config.id, opening);
    await open?.backend.close();
    return (await opening).caches;
  }

  async #openStore(config: BackendConfigJson, secrets: BackendSecrets): Promise<OpenStore> {
    const backend = await this.#parts.openStore(config, secrets);
    const megabytes = config['type'] === 'memory' ? Number(config['memory_budget_mb'] ?? 256) : null;
    const budgetBytes = megabytes === null ? null : megabytes * MEBIBYTE;
    const cacheIn = (folder: CacheKind, what: string): ValueCache => {
      const { now, createId } = this.#parts;
      return new ValueCache(new PackStore(backend, { folder, budgetBytes, now, createId }), { what });
    };
    const caches = { tokens: cacheIn('tokens', TOKENS), vectors: cacheIn('vectors', VECTORS) };
    return { config: JSON.stringify(config), backend, caches };
  }

  #unconnectedCaches(id: string): StoreCaches {
    const known = this.#unconnected.get(id);
    if (known !== undefined) return known;
    const off = `The store "${id}" is not connected in this session: enter its credentials under Data.`;
    this.#parts.warn(`${off} Tokens and vectors are made anew meanwhile.`);
    const cacheOf = (what: string): ValueCache => new ValueCache(new UnconnectedStore(), { what, off });
    const caches = { tokens: cacheOf(TOKENS), vectors: cacheOf(VECTORS) };
    this.#unconnected.set(id, caches);
    return caches;
  }
}

function unknownStore(id: string): AppError {
  return new AppError('backend.unknown', `There is no store "${id}" outside of this page.`, {
    remedy: 'Choose one of those listed under Data; it may have been removed in another tab.',
    details: { id },
  });
}

async function storeSizes(storeId: string | null, { tokens, vectors }: StoreCaches): Promise<StoreSizes> {
  return { storeId, tokens: await sizesOf(tokens), vectors: await sizesOf(vectors) };
}

/** A bucket may be away: that is told, the others are as they are. */
async function sizesOf(cache: ValueCache): Promise<ValueSizes> {
  try {
    return await cache.sizes();
  } catch (error) {
    return { budgetBytes: null, off: messageOf(error), datasets: [] };
  }
}
