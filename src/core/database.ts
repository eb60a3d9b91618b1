// The one IndexedDB database, its stores and versions. Every realm opens it through here.
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import { AppError } from '../lib/errors';
import type { BackendRecord } from '../protocol/backends';
import type { Conversation } from '../protocol/conversations';
import type { DatasetRecord } from '../protocol/datasets';
import type { AdapterRecord, ModelRecord } from '../protocol/models';
import type { CheckpointRecord, RunMetricRow, RunRecord } from '../protocol/training';

export interface VaultRecord {
  iv: Uint8Array<ArrayBuffer>;
  ciphertext: ArrayBuffer;
  /** Only on the record that proves the passphrase: how the key is derived from it. */
  derivation?: { salt: Uint8Array<ArrayBuffer>; iterations: number };
}

/** A value of a cache. */
export interface CachedValueRow {
  key: string;
  datasetId: string;
  bytes: ArrayBuffer;
  /** Of `bytes`: indexes tell it without reading them. */
  size: number;
  gzip: boolean;
  usedAt: number;
}

export interface FraguaSchema extends DBSchema {
  models: { key: string; value: ModelRecord };
  adapters: { key: string; value: AdapterRecord; indexes: { baseModelId: string } };
  datasets: { key: string; value: DatasetRecord };
  runs: { key: string; value: RunRecord };
  runMetrics: { key: [string, string, number]; value: RunMetricRow };
  checkpoints: { key: string; value: CheckpointRecord; indexes: { runId: string } };
  conversations: { key: string; value: Conversation; indexes: { updatedAt: number } };
  /** Settings and other small documents by name. */
  documents: { key: string; value: unknown };
  /** Encrypted secrets by name. */
  vault: { key: string; value: VaultRecord };
  /** Finished deterministic answers by the SHA-256 of their request. */
  responses: {
    key: string;
    value: {
      key: string;
      text: string;
      reason: 'stop' | 'length';
      completionTokens: number;
      usedAt: number;
    };
    indexes: { usedAt: number };
  };
  backends: { key: string; value: BackendRecord };
  /** Folders that were chosen, by backend: handles outlive the tab, permissions do not. */
  folders: { key: string; value: FileSystemDirectoryHandle };
  /** Tokenised samples by the SHA-256 of what they were made of. */
  cachedTokens: CachedValues;
  /** Vectors of samples, likewise. */
  cachedVectors: CachedValues;
}

interface CachedValues {
  key: string;
  value: CachedValueRow;
  indexes: { use: [usedAt: number, size: number]; dataset: [datasetId: string, size: number] };
}

export type Database = IDBPDatabase<FraguaSchema>;

const NAME = 'fragua';
const VERSION = 3;

/**
 * Opens the database, creating or upgrading it.
 * @throws AppError `storage.unavailable` where the browser refuses IndexedDB (some private modes).
 */
export async function openDatabase(name = NAME): Promise<Database> {
  try {
    return await openDB<FraguaSchema>(name, VERSION, {
      upgrade(database, before) {
        if (before < 1) createFirstStores(database);
        if (before < 2) createDataStores(database);
        // What earlier versions stored stays as it is.
        createValueStore(database, 'cachedVectors');
      },
      blocking(_current, _blocked, event) {
        (event.target as IDBDatabase).close();
      },
    });
  } catch (cause) {
    throw new AppError('storage.unavailable', 'The browser refused to open its database (IndexedDB).', {
      remedy:
        'Leave private browsing or allow site data for this page; until then nothing is kept after closing the tab.',
      cause,
    });
  }
}

function createFirstStores(database: Database): void {
  database.createObjectStore('models', { keyPath: 'id' });
  database.createObjectStore('adapters', { keyPath: 'id' }).createIndex('baseModelId', 'baseModelId');
  database.createObjectStore('datasets', { keyPath: 'id' });
  database.createObjectStore('runs', { keyPath: 'id' });
  database.createObjectStore('runMetrics', { keyPath: ['runId', 'kind', 'step'] });
  database.createObjectStore('checkpoints', { keyPath: 'id' }).createIndex('runId', 'runId');
  database.createObjectStore('conversations', { keyPath: 'id' }).createIndex('updatedAt', 'updatedAt');
  database.createObjectStore('documents');
  database.createObjectStore('vault');
  database.createObjectStore('responses', { keyPath: 'key' }).createIndex('usedAt', 'usedAt');
}

function createDataStores(database: Database): void {
  database.createObjectStore('backends', { keyPath: 'id' });
  database.createObjectStore('folders');
  createValueStore(database, 'cachedTokens');
}

function createValueStore(database: Database, name: 'cachedTokens' | 'cachedVectors'): void {
  const values = database.createObjectStore(name, { keyPath: 'key' });
  values.createIndex('use', ['usedAt', 'size']);
  values.createIndex('dataset', ['datasetId', 'size']);
}
