// Installed models and adapters as the page knows them. The engine owns them; this asks again when something was stored.
import type { AdapterRecord, ModelRecord, ModelTarget } from '../../protocol/models';
import type { Clients } from './clients';

export const canChat = ({ task }: ModelRecord): boolean => task !== 'embedding' && task !== 'vision';
/** An ONNX model is a graph, which is run as it is. */
export const canTrain = ({ format }: ModelRecord): boolean => format !== 'onnx';

export class Library {
  #models = $state.raw<readonly ModelRecord[]>([]);
  #adapters = $state.raw<readonly AdapterRecord[]>([]);
  #loaded = $state(false);
  #error = $state.raw<unknown>(null);
  readonly #engine: Pick<Clients['engine'], 'listModels' | 'listAdapters'>;
  #pending: Promise<void> | null = null;

  constructor(engine: Pick<Clients['engine'], 'listModels' | 'listAdapters'>, bus: Clients['bus']) {
    this.#engine = engine;
    bus.on('model.saved', () => void this.refresh());
    bus.on('training.finished', () => void this.refresh());
  }

  get models(): readonly ModelRecord[] {
    return this.#models;
  }

  /** Those that answer. */
  get chatModels(): readonly ModelRecord[] {
    return this.#models.filter(canChat);
  }

  /** Those whose weights can be trained. */
  get trainable(): readonly ModelRecord[] {
    return this.#models.filter(canTrain);
  }

  get adapters(): readonly AdapterRecord[] {
    return this.#adapters;
  }

  /** False until the first answer of the engine. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Why the last refresh failed; null when it did not. */
  get error(): unknown {
    return this.#error;
  }

  model(id: string): ModelRecord | null {
    return this.#models.find((model) => model.id === id) ?? null;
  }

  adapter(id: string | null): AdapterRecord | null {
    return this.#adapters.find((adapter) => adapter.id === id) ?? null;
  }

  /** Newest first. */
  adaptersOf(modelId: string): readonly AdapterRecord[] {
    return this.#adapters
      .filter((adapter) => adapter.baseModelId === modelId)
      .toSorted((a, b) => b.createdAt - a.createdAt);
  }

  /** The target itself, or its base, or the first model, whichever is still installed and answers. */
  usable(target: ModelTarget | null): ModelTarget | null {
    const models = this.chatModels;
    const model = models.find(({ id }) => id === target?.modelId) ?? models[0];
    if (model === undefined) return null;
    const adapter = this.adapter(target?.adapterId ?? null);
    return { modelId: model.id, adapterId: adapter?.baseModelId === model.id ? adapter.id : null };
  }

  /** Never throws: `error` tells. Calls at the same time share one request. */
  refresh(): Promise<void> {
    this.#pending ??= this.#load().finally(() => (this.#pending = null));
    return this.#pending;
  }

  async #load(): Promise<void> {
    try {
      const [models, adapters] = await Promise.all([this.#engine.listModels(), this.#engine.listAdapters()]);
      this.#models = models;
      this.#adapters = adapters;
      this.#loaded = true;
      this.#error = null;
    } catch (error) {
      this.#error = error;
    }
  }
}
