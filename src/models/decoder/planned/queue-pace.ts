// Keeps what waits in a device's queue below a limit: a write copies what it is given.

const MOST_BYTES = 32 * 2 ** 20;

export class QueuePace {
  readonly #queue: GPUQueue;
  readonly #waiting: { bytes: number; done: Promise<undefined> }[] = [];
  #bytes = 0;

  constructor(queue: GPUQueue) {
    this.#queue = queue;
  }

  /** Notes what was just written, and waits while too much is on its way. */
  async wrote(bytes: number): Promise<void> {
    this.#waiting.push({ bytes, done: this.#queue.onSubmittedWorkDone() });
    this.#bytes += bytes;
    while (this.#bytes > MOST_BYTES) {
      const first = this.#waiting.shift();
      await first?.done;
      this.#bytes -= first?.bytes ?? 0;
    }
  }
}
