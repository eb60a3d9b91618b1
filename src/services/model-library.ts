// Stored models and adapters: import, rename, delete, and keeping what a training made. Files go to the blob store
// first, the record that makes them count last. It knows nothing of what is loaded.
import type { EventBus } from '../core/event-bus';
import type { Database } from '../core/database';
import { AppError } from '../lib/errors';
import type { BlobStore } from '../lib/storage/blob-store';
import type { StateArrays } from '../models/trainable-model';
import type { DescribedModel, ModelEstimate } from '../protocol/engine';
import type { HubDownload } from '../protocol/hub';
import type { AdapterRecord, ModelRecord, NamedFile } from '../protocol/models';
import type { TrainingConfig } from '../protocol/training';
import { moveIntoPlace, readDownload } from './adopt-download';
import type { ModelBackend } from './model-backend';
import type { ModelCatalog } from './model-catalog';

const SOURCE = 'model-library';
/** What a fully tuned model has from its base. */
const BESIDE_WEIGHTS = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'generation_config.json',
  'chat_template.jinja',
];

export interface LibraryParts {
  database: Database;
  blobs: BlobStore;
  catalog: ModelCatalog;
  backend: ModelBackend;
  bus: EventBus;
  now: () => number;
  createId: () => string;
}

export class ModelLibrary {
  readonly #parts: LibraryParts;

  constructor(parts: LibraryParts) {
    this.#parts = parts;
  }

  /** @throws AppError naming the file that is missing or wrong; nothing is stored then. */
  async importModel(name: string, files: readonly NamedFile[]): Promise<ModelRecord> {
    const inspected = await this.#parts.backend.inspectModel(files);
    const known = { ...inspected.facts, name: cleanName(name), origin: 'imported' as const };
    return this.#storeModel(known, inspected.files);
  }

  /**
   * A finished download becomes a model; its files leave the download's folder.
   * @throws as `importModel`; the files are where they were then.
   */
  async adoptDownload(name: string, download: HubDownload): Promise<ModelRecord> {
    const { backend, blobs, database, bus, now, createId } = this.#parts;
    const stored = await readDownload(download, blobs);
    const { facts, files } = await backend.inspectModel(stored);
    const { repositoryId, commit } = download;
    const id = createId();
    const folder = `models/${id}`;
    const record: ModelRecord = {
      ...facts,
      id,
      name: cleanName(name),
      origin: 'imported',
      source: { repositoryId, commit },
      license: download.license ?? facts.license,
      location: { kind: 'blob', folder },
      installedAt: now(),
    };
    await moveIntoPlace(stored, files, folder, blobs, () => database.put('models', record));
    bus.emit('model.saved', { model: record, adapter: null }, SOURCE);
    return record;
  }

  architectures(): string[] {
    return this.#parts.backend.architectures();
  }

  /** @throws AppError `model.unsupported`, `model.unknown`. */
  async estimate(model: DescribedModel): Promise<ModelEstimate> {
    const { backend, catalog } = this.#parts;
    if ('modelId' in model) return backend.estimate(await catalog.findModel(model.modelId));
    return backend.estimate('graphBytes' in model ? model : model.configJson);
  }

  /** null where the model came without one. */
  async readCard(modelId: string): Promise<string | null> {
    const { catalog } = this.#parts;
    const card = await catalog.readFile(await catalog.findModel(modelId), 'README.md');
    return card === null ? null : card.text();
  }

  async importAdapter(
    name: string,
    baseModelId: string,
    files: readonly NamedFile[],
  ): Promise<AdapterRecord> {
    const base = await this.#parts.catalog.findModel(baseModelId);
    const { lora, files: known } = await this.#parts.backend.inspectAdapter(files, base);
    return this.#storeAdapter(cleanName(name), base, { lora }, known, null);
  }

  /** @param runId the run that made it. */
  async keepAdapter(
    name: string,
    base: ModelRecord,
    { lora, baseStorage = 'f32' }: Pick<TrainingConfig, 'lora' | 'baseStorage'>,
    weights: StateArrays,
    runId: string,
  ): Promise<AdapterRecord> {
    const files = await this.#parts.backend.encodeAdapter(weights, lora, base);
    const adapter = { lora, ...(baseStorage === 'f32' ? {} : { baseStorage }) };
    return this.#storeAdapter(name, base, adapter, files, runId);
  }

  /** A fully tuned model: new weights, everything else from its base. */
  async keepModel(name: string, base: ModelRecord, weights: StateArrays): Promise<ModelRecord> {
    const { backend, catalog } = this.#parts;
    const written = await backend.encodeModel(weights, base);
    const files = [...written];
    for (const fileName of BESIDE_WEIGHTS) {
      const blob = await catalog.readFile(base, fileName);
      if (blob !== null) files.push({ name: fileName, blob });
    }
    const inspected = await backend.inspectModel(files);
    const known = { ...inspected.facts, license: base.license, name, origin: 'tuned' as const };
    return this.#storeModel(known, inspected.files);
  }

  async renameModel(id: string, name: string): Promise<ModelRecord> {
    const record = { ...(await this.#parts.catalog.findModel(id)), name: cleanName(name) };
    refuseEmbedded(record, 'renamed');
    await this.#parts.database.put('models', record);
    return record;
  }

  async renameAdapter(id: string, name: string): Promise<AdapterRecord> {
    const record = { ...(await this.#parts.catalog.findAdapter(id)), name: cleanName(name) };
    await this.#parts.database.put('adapters', record);
    return record;
  }

  /** With its adapters, which are of no use without it. */
  async deleteModel(id: string): Promise<void> {
    const record = await this.#parts.catalog.findModel(id);
    refuseEmbedded(record, 'deleted');
    for (const adapter of await this.adaptersOf(id)) await this.deleteAdapter(adapter.id);
    await this.#parts.database.delete('models', id);
    if (record.location.kind === 'blob') await this.#parts.blobs.remove(record.location.folder);
  }

  async deleteAdapter(id: string): Promise<void> {
    const record = await this.#parts.catalog.findAdapter(id);
    await this.#parts.database.delete('adapters', id);
    await this.#parts.blobs.remove(record.folder);
  }

  adaptersOf(modelId: string): Promise<AdapterRecord[]> {
    return this.#parts.database.getAllFromIndex('adapters', 'baseModelId', modelId);
  }

  async #storeModel(
    known: Omit<ModelRecord, 'id' | 'location' | 'installedAt'>,
    files: readonly NamedFile[],
  ): Promise<ModelRecord> {
    const id = this.#parts.createId();
    const folder = `models/${id}`;
    const location = { kind: 'blob' as const, folder };
    const record: ModelRecord = { ...known, id, location, installedAt: this.#parts.now() };
    await this.#keep(folder, files, () => this.#parts.database.put('models', record));
    this.#parts.bus.emit('model.saved', { model: record, adapter: null }, SOURCE);
    return record;
  }

  async #storeAdapter(
    name: string,
    base: ModelRecord,
    trained: Pick<AdapterRecord, 'lora' | 'baseStorage'>,
    files: readonly NamedFile[],
    runId: string | null,
  ): Promise<AdapterRecord> {
    const id = this.#parts.createId();
    const folder = `adapters/${id}`;
    const record: AdapterRecord = {
      id,
      name,
      baseModelId: base.id,
      baseFingerprint: base.fingerprint,
      ...trained,
      sizeBytes: files.reduce((sum, { blob }) => sum + blob.size, 0),
      folder,
      runId,
      createdAt: this.#parts.now(),
    };
    await this.#keep(folder, files, () => this.#parts.database.put('adapters', record));
    this.#parts.bus.emit('model.saved', { model: null, adapter: record }, SOURCE);
    return record;
  }

  /** All or nothing: what was written before a failure goes again. */
  async #keep(folder: string, files: readonly NamedFile[], finish: () => Promise<unknown>): Promise<void> {
    try {
      for (const { name, blob } of files) await this.#parts.blobs.write(`${folder}/${name}`, blob);
      await finish();
    } catch (error) {
      await this.#parts.blobs.remove(folder).catch(() => undefined);
      throw error;
    }
  }
}

function cleanName(name: string): string {
  const clean = name.trim();
  if (clean === '') {
    throw new AppError('import.invalid', 'The name is empty.', { remedy: 'Give it a name.' });
  }
  return clean.slice(0, 120);
}

function refuseEmbedded({ origin, name }: ModelRecord, done: string): void {
  if (origin !== 'embedded') return;
  throw new AppError('model.unsupported', `${name} ships with the site and cannot be ${done}.`, {
    remedy: 'Train a model of your own from it; that one can be.',
  });
}
