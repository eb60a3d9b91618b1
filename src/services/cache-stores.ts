// The caches of the data worker, by where they lie, and which of them a dataset's values go to.
import type { Database } from '../core/database';
import { tokenCache, vectorCache } from '../data/caches/page-caches';
import type { ValueCache } from '../data/caches/value-cache';
import type { CacheSizes } from '../protocol/caches';
import type { DatasetRecord } from '../protocol/datasets';

/** What is kept in one place. */
export interface StoreCaches {
  tokens: ValueCache;
  vectors: ValueCache;
}

export class CacheStores {
  readonly #page: StoreCaches;

  constructor(database: Database) {
    this.#page = { tokens: tokenCache(database), vectors: vectorCache(database) };
  }

  cachesOf(dataset: DatasetRecord): Promise<StoreCaches> {
    void dataset;
    return Promise.resolve(this.#page);
  }

  async sizes(): Promise<CacheSizes> {
    const { tokens, vectors } = this.#page;
    const page = { storeId: null, tokens: await tokens.sizes(), vectors: await vectors.sizes() };
    return { stores: [page] };
  }

  /** @param datasetId null: of all datasets. */
  async clear(datasetId: string | null): Promise<void> {
    await this.#page.tokens.clear(datasetId);
    await this.#page.vectors.clear(datasetId);
  }
}
