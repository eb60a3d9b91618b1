// Which models there are: the stored ones and the one that ships with the site. It reads descriptions only, never
// weights into memory (but to hash them once), so any realm may use it. Stores are the caller's.
import type { Database } from '../core/database';
import { readModelFile } from '../core/model-files';
import { AppError } from '../lib/errors';
import type { BlobStore } from '../lib/storage/blob-store';
import type { AdapterRecord, ModelRecord } from '../protocol/models';
import { readEmbeddedRecord } from './embedded-model';

export interface ModelCatalog {
  /** @throws AppError `model.unknown` naming the id. */
  findModel(id: string): Promise<ModelRecord>;
  /** The embedded model first, then by the time of installation. */
  listModels(): Promise<ModelRecord[]>;
  /** @throws AppError `adapter.unknown` naming the id. */
  findAdapter(id: string): Promise<AdapterRecord>;
  /** Newest first. */
  listAdapters(): Promise<AdapterRecord[]>;
  /** Reads one file of a model; null where it has none. */
  readFile(model: ModelRecord, name: string): Promise<Blob | null>;
}

export interface CatalogOptions {
  /** Where the embedded model lies on this site. */
  embeddedBaseUrl?: string;
}

export function createModelCatalog(
  database: Database,
  blobs: BlobStore,
  options: CatalogOptions = {},
): ModelCatalog {
  const baseUrl = options.embeddedBaseUrl ?? `${import.meta.env.BASE_URL}models/chispa`;
  let embedded: Promise<ModelRecord | null> | null = null;

  /** Looked up once; a failure is tried again at the next call. */
  const readEmbedded = async (): Promise<ModelRecord | null> => {
    embedded ??= readEmbeddedRecord(database, baseUrl);
    try {
      return await embedded;
    } catch (error) {
      embedded = null;
      throw error;
    }
  };

  const listModels = async (): Promise<ModelRecord[]> => {
    const first = await readEmbedded();
    const stored = await database.getAll('models');
    const others = stored.filter((model) => model.origin !== 'embedded');
    others.sort((a, b) => a.installedAt - b.installedAt);
    return first === null ? others : [first, ...others];
  };

  return {
    listModels,
    async findModel(id) {
      const stored = await database.get('models', id);
      if (stored !== undefined && stored.origin !== 'embedded') return stored;
      const first = await readEmbedded();
      if (first !== null && first.id === id) return first;
      throw new AppError('model.unknown', `There is no model with the id "${id}".`, {
        details: { id },
        remedy: 'Choose one of the models listed under Models; it may have been deleted in another tab.',
      });
    },
    async findAdapter(id) {
      const adapter = await database.get('adapters', id);
      if (adapter !== undefined) return adapter;
      throw new AppError('adapter.unknown', `There is no adapter with the id "${id}".`, {
        details: { id },
        remedy: 'Choose one of the adapters listed under Models; it may have been deleted in another tab.',
      });
    },
    async listAdapters() {
      const adapters = await database.getAll('adapters');
      return adapters.sort((a, b) => b.createdAt - a.createdAt);
    },
    readFile: (model, name) => readModelFile(model, name, blobs),
  };
}
