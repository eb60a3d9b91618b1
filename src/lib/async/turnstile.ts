// A fair lock: whoever asks first goes first. It keeps two async users of one thing from interleaving.

export class Turnstile {
  #last: Promise<void> = Promise.resolve();
  #inside = 0;

  /** How many are inside or in line. */
  get queued(): number {
    return this.#inside;
  }

  /** Resolves when everyone who asked before has left. Call the result once to leave. */
  async enter(): Promise<() => void> {
    const before = this.#last;
    let open = (): void => undefined;
    this.#last = new Promise((resolve) => (open = resolve));
    this.#inside += 1;
    await before;
    return () => {
      this.#inside -= 1;
      open();
    };
  }

  /** Runs `work` alone; its failure does not block the next one. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    const leave = await this.enter();
    try {
      return await work();
    } finally {
      leave();
    }
  }
}
