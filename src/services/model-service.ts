// Which models are on the device. It loads a model when somebody borrows it, keeps the last one used, and attaches
// adapters beside it on demand, so that switching adapters never reloads a base. A model that is asked for in two
// storages is there twice. It owns every LoadedModel.
import type { EventBus } from '../core/event-bus';
import { AppError } from '../lib/errors';
import type { SessionPool } from '../inference/session-pool';
import type { LoadedAdapter, LoadedModel } from '../models/loaded-model';
import type { ModelRecord, ModelTarget, WeightStorage } from '../protocol/models';
import type { ModelBackend } from './model-backend';
import type { ModelCatalog } from './model-catalog';
import { reportError } from './report-error';
import { withStorageThatFits } from './what-fits';

const SOURCE = 'model-service';

/** A model that stays on the device until it is released. */
export interface ModelLease {
  readonly model: LoadedModel;
  readonly adapter: LoadedAdapter | null;
  release(): void;
}

interface KeptAdapter {
  loading: Promise<LoadedAdapter>;
  users: number;
}

interface KeptModel {
  modelId: string;
  loading: Promise<LoadedModel>;
  users: number;
  adapters: Map<string, KeptAdapter>;
}

export interface ModelServiceParts {
  catalog: ModelCatalog;
  backend: Pick<ModelBackend, 'load' | 'estimate'>;
  sessions: SessionPool;
  bus: EventBus;
  /** Milliseconds, monotonic. */
  now: () => number;
}

export class ModelService {
  readonly #parts: ModelServiceParts;
  /** By `keyOf`. */
  readonly #kept = new Map<string, KeptModel>();

  constructor(parts: ModelServiceParts) {
    this.#parts = parts;
  }

  /** Ids of the models on the device or on their way there. */
  get loadedIds(): string[] {
    return [...new Set([...this.#kept.values()].map(({ modelId }) => modelId))];
  }

  /** @throws AppError `model.unknown`, `adapter.unknown`, `adapter.base-mismatch`, or why it did not load. */
  async borrow({ modelId, adapterId, storage = 'f32' }: ModelTarget): Promise<ModelLease> {
    const kept = await this.#keep(modelId, storage);
    kept.users += 1;
    try {
      const model = await kept.loading;
      const attached = adapterId === null ? null : await this.#attach(kept, model, adapterId);
      let released = false;
      const release = (): void => {
        if (released) return;
        released = true;
        kept.users -= 1;
        if (attached !== null) attached.kept.users -= 1;
      };
      return { model, adapter: attached?.adapter ?? null, release };
    } catch (error) {
      kept.users -= 1;
      throw error;
    }
  }

  /** Before its files are deleted. @throws AppError `engine.busy` while somebody uses it. */
  async forgetModel(modelId: string): Promise<void> {
    const all = [...this.#kept].filter(([, kept]) => kept.modelId === modelId);
    if (all.some(([, { users }]) => users > 0)) throw inUse('model');
    for (const [key, kept] of all) await this.#unload(key, kept);
  }

  async forgetAdapter(adapterId: string): Promise<void> {
    for (const kept of this.#kept.values()) {
      const attached = kept.adapters.get(adapterId);
      if (attached === undefined) continue;
      if (attached.users > 0) throw inUse('adapter');
      kept.adapters.delete(adapterId);
      const [model, adapter] = await Promise.all([kept.loading, attached.loading]);
      this.#parts.sessions.drop(model, adapter);
      adapter.dispose();
    }
  }

  /** @throws AppError `engine.busy` while a model is in use. */
  async unloadAll(): Promise<void> {
    if ([...this.#kept.values()].some(({ users }) => users > 0)) throw inUse('model');
    for (const [id, kept] of [...this.#kept]) await this.#unload(id, kept);
  }

  /** After a lost device: everything on it is gone, whoever holds it. */
  async abandonAll(): Promise<void> {
    for (const [id, kept] of [...this.#kept]) await this.#unload(id, kept).catch(() => undefined);
  }

  async dispose(): Promise<void> {
    await this.abandonAll();
  }

  async #keep(modelId: string, storage: WeightStorage): Promise<KeptModel> {
    const key = keyOf(modelId, storage);
    const existing = this.#kept.get(key);
    if (existing !== undefined) return existing;
    const record = await this.#parts.catalog.findModel(modelId);
    const meanwhile = this.#kept.get(key);
    if (meanwhile !== undefined) return meanwhile;
    const loading = this.#load(key, record, storage);
    const kept: KeptModel = { modelId, loading, users: 0, adapters: new Map() };
    this.#kept.set(key, kept);
    return kept;
  }

  /** Others that nobody uses go first: two bases may not fit. */
  async #load(key: string, record: ModelRecord, storage: WeightStorage): Promise<LoadedModel> {
    const { backend, bus, now } = this.#parts;
    try {
      for (const [other, kept] of [...this.#kept]) {
        if (other !== key && kept.users === 0) await this.#unload(other, kept);
      }
      const startedAt = now();
      const model = await backend.load(record, storage);
      const milliseconds = now() - startedAt;
      const { storageError: error, note = null } = model;
      bus.emit('model.loaded', { model: record, milliseconds, storage, error, note }, SOURCE);
      return model;
    } catch (reason) {
      this.#kept.delete(key);
      const error = await withStorageThatFits(reason, storage, () => backend.estimate(record));
      reportError(bus, error, `loading ${record.name}`, SOURCE);
      throw error;
    }
  }

  async #attach(
    kept: KeptModel,
    model: LoadedModel,
    adapterId: string,
  ): Promise<{ kept: KeptAdapter; adapter: LoadedAdapter }> {
    let attached = kept.adapters.get(adapterId);
    if (attached === undefined) {
      const loading = this.#parts.catalog
        .findAdapter(adapterId)
        .then((record) => model.attachAdapter(record));
      attached = { loading, users: 0 };
      kept.adapters.set(adapterId, attached);
    }
    attached.users += 1;
    try {
      return { kept: attached, adapter: await attached.loading };
    } catch (error) {
      kept.adapters.delete(adapterId);
      throw error;
    }
  }

  async #unload(id: string, kept: KeptModel): Promise<void> {
    if (this.#kept.get(id) === kept) this.#kept.delete(id);
    const model = await kept.loading.catch(() => null);
    if (model === null) return;
    this.#parts.sessions.drop(model);
    for (const { loading } of kept.adapters.values()) (await loading.catch(() => null))?.dispose();
    model.dispose();
  }
}

const keyOf = (modelId: string, storage: WeightStorage): string => `${modelId} ${storage}`;

function inUse(what: string): AppError<'engine.busy'> {
  return new AppError('engine.busy', `The ${what} is in use by a training run or an answer.`, {
    remedy: 'Stop the run or wait for the answer, then try again.',
  });
}
