// A value that can be watched. Framework-free; its `subscribe` is what Svelte calls a store.

export interface Observable<Value> {
  readonly value: Value;
  /** Calls `listener` at once and on every change. @returns unsubscribes. */
  subscribe(listener: (value: Value) => void): () => void;
}

export class WritableObservable<Value> implements Observable<Value> {
  readonly #listeners = new Set<(value: Value) => void>();
  #value: Value;

  constructor(initial: Value) {
    this.#value = initial;
  }

  get value(): Value {
    return this.#value;
  }

  set(value: Value): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value);
  }

  subscribe(listener: (value: Value) => void): () => void {
    this.#listeners.add(listener);
    listener(this.#value);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
