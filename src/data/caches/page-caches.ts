// The caches in the storage of this page, for tokens and for vectors.
import type { Database } from '../../core/database';
import { DatabaseStore, type DatabaseStoreOptions } from './database-store';
import { ValueCache, type ValueCacheOptions } from './value-cache';

export interface PageCacheOptions extends DatabaseStoreOptions, Pick<ValueCacheOptions, 'warn'> {}

/** What values are called, for people. */
export const TOKENS = 'Tokenised samples';
export const VECTORS = 'Vectors';

export function tokenCache(database: Database, { warn, ...options }: PageCacheOptions = {}): ValueCache {
  const store = new DatabaseStore(database, 'cachedTokens', options);
  return new ValueCache(store, warn === undefined ? { what: TOKENS } : { what: TOKENS, warn });
}

export function vectorCache(database: Database, { warn, ...options }: PageCacheOptions = {}): ValueCache {
  const store = new DatabaseStore(database, 'cachedVectors', options);
  return new ValueCache(store, warn === undefined ? { what: VECTORS } : { what: VECTORS, warn });
}
