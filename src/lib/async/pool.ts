// Lets a fixed number of async works run at a time; the others wait in line, first come first served. It starts and ends
// nothing itself. `Turnstile` is the lock for one at a time.

export class Pool {
  readonly size: number;
  #running = 0;
  readonly #line: (() => void)[] = [];

  /** @param size at least 1. */
  constructor(size: number) {
    if (!Number.isInteger(size) || size < 1) throw new RangeError(`A pool of ${size} would let nothing run.`);
    this.size = size;
  }

  get running(): number {
    return this.#running;
  }

  /** @throws the signal's reason where it fires while the work waits in line; once it runs, it is the work's to stop. */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(signal);
    try {
      return await work();
    } finally {
      this.#leave();
    }
  }

  async #enter(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (this.#running < this.size) {
      this.#running += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const stop = (): void => {
        this.#line.splice(this.#line.indexOf(go), 1);
        reject(signal?.reason as Error);
      };
      this.#line.push(go);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** The place goes to the next one in line as it is. */
  #leave(): void {
    const next = this.#line.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
