// From a callback to an async iterable. Only the newest event is kept for a reader that is slow: progress, not a log.

export class LatestQueue<T> implements AsyncIterable<T> {
  #newest: { value: T } | null = null;
  #ended = false;
  #failure: { error: unknown } | null = null;
  #wake: () => void = () => undefined;

  put(value: T): void {
    this.#newest = { value };
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The reader gets it after the event before it. */
  fail(error: unknown): void {
    this.#failure = { error };
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const newest = this.#newest;
      this.#newest = null;
      if (newest !== null) {
        yield newest.value;
      } else if (this.#ended) {
        if (this.#failure !== null) throw this.#failure.error;
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }
}
