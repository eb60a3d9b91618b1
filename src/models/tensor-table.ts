// Weights by name on the backend, in the engine's layout. Owns them.
import { dispose, keep, type Tensor } from '../engine';
import { AppError } from '../lib/errors';
import { toEngine, type FileArray } from './file-layout';

export class TensorTable {
  readonly #tensors = new Map<string, Tensor>();

  constructor(arrays: ReadonlyMap<string, FileArray>) {
    for (const [name, array] of arrays) this.#tensors.set(name, keep(toEngine(name, array)));
  }

  /** @throws AppError `internal` where there is none. */
  get(name: string): Tensor {
    const tensor = this.find(name);
    if (tensor === null) throw new AppError('internal', `There is no weight ${name}.`);
    return tensor;
  }

  find(name: string): Tensor | null {
    return this.#tensors.get(name) ?? null;
  }

  dispose(): void {
    dispose([...this.#tensors.values()]);
    this.#tensors.clear();
  }
}
