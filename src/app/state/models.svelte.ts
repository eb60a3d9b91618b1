// What the models screen does to models and adapters. The lists themselves are the library's; this asks it again after
// each change. Files stay in the stores.
import type { EngineApi } from '../../protocol/engine';
import type { AdapterRecord, ModelRecord } from '../../protocol/models';
import type { ImportSelection } from './models-import';

export type ModelsEngine = Pick<
  EngineApi,
  'importModel' | 'renameModel' | 'deleteModel' | 'importAdapter' | 'renameAdapter' | 'deleteAdapter'
>;

/** Something that reads its facts again. */
export interface Refreshable {
  refresh(): Promise<void>;
}

export class ModelsState {
  readonly #engine: ModelsEngine;
  readonly #library: Refreshable;
  readonly #storage: Refreshable;
  #importing = $state(false);

  constructor(engine: ModelsEngine, library: Refreshable, storage: Refreshable) {
    this.#engine = engine;
    this.#library = library;
    this.#storage = storage;
  }

  get importing(): boolean {
    return this.#importing;
  }

  /** @param baseModelId the model an adapter belongs to; not used for a model */
  async import(
    selection: ImportSelection,
    name: string,
    baseModelId: string,
  ): Promise<ModelRecord | AdapterRecord> {
    this.#importing = true;
    try {
      return selection.kind === 'model'
        ? await this.#engine.importModel(name, selection.files)
        : await this.#engine.importAdapter(name, baseModelId, selection.files);
    } finally {
      this.#importing = false;
      await this.#refresh();
    }
  }

  async renameModel(modelId: string, name: string): Promise<void> {
    await this.#engine.renameModel(modelId, name);
    await this.#library.refresh();
  }

  async renameAdapter(adapterId: string, name: string): Promise<void> {
    await this.#engine.renameAdapter(adapterId, name);
    await this.#library.refresh();
  }

  async deleteModel(modelId: string): Promise<void> {
    await this.#engine.deleteModel(modelId);
    await this.#refresh();
  }

  async deleteAdapter(adapterId: string): Promise<void> {
    await this.#engine.deleteAdapter(adapterId);
    await this.#refresh();
  }

  async #refresh(): Promise<void> {
    await Promise.all([this.#library.refresh(), this.#storage.refresh()]);
  }
}
