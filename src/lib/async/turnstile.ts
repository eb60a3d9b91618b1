// A fair lock: whoever asks first goes first. It keeps two async users of one device from interleaving inside a step.

export class Turnstile {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** How many are inside or in line. */
  get queued(): number {
    return this.#waiting;
  }

  /** Runs `work` when everything that asked before is done; its failure does not block the next one. */
  async pass<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#last;
    let leave = (): void => undefined;
    this.#last = new Promise((resolve) => (leave = resolve));
    this.#waiting += 1;
    await before;
    try {
      return await work();
    } finally {
      this.#waiting -= 1;
      leave();
    }
  }
}
