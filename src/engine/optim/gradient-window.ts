// The gradients of one accumulation window, by parameter name. Owns what is added until the window is emptied.
import * as tf from '@tensorflow/tfjs-core';
import { dispose, keep, readFloats, scope, type Tensor } from '../tensor';

export class GradientWindow {
  readonly #wanted: ReadonlySet<string>;
  readonly #sums = new Map<string, Tensor>();

  /** @param wanted names of the parameters that are trained. */
  constructor(wanted: Iterable<string>) {
    this.#wanted = new Set(wanted);
  }

  get empty(): boolean {
    return this.#sums.size === 0;
  }

  wants(name: string): boolean {
    return this.#wanted.has(name);
  }

  /** Takes the gradient over, wherever it was made. */
  add(name: string, gradient: Tensor): void {
    const sum = this.#sums.get(name);
    if (sum === undefined) {
      this.#sums.set(name, keep(gradient));
      return;
    }
    this.#sums.set(name, keep(tf.add(sum, gradient)));
    dispose([sum, gradient]);
  }

  /** null where nothing was added. The window stays the owner. */
  get(name: string): Tensor | null {
    return this.#sums.get(name) ?? null;
  }

  /** Euclidean norm of all gradients together; NaN or infinite when any of them is. */
  async norm(): Promise<number> {
    if (this.empty) return 0;
    const squares = scope(() =>
      tf.stack([...this.#sums.values()].map((gradient) => tf.sum(tf.square(tf.reshape(gradient, [-1]))))),
    );
    const values = await readFloats(squares);
    dispose(squares);
    return Math.sqrt(values.reduce((sum, value) => sum + value, 0));
  }

  clear(): void {
    dispose([...this.#sums.values()]);
    this.#sums.clear();
  }
}
