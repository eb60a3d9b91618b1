// The worker's side of a streaming call: runs the generator ahead of its reader, but never further than HIGH_WATER
// items. The generator gets an AbortSignal as its last argument and is returned into when the reader leaves.
import { encodeError, type WireError } from './error-codec';
import type { CancelMode, Pulled } from './wire';

const HIGH_WATER = 32;

export class HostedStream {
  readonly #abort = new AbortController();
  readonly #iterator: AsyncIterator<unknown>;
  readonly #onEnd: () => void;
  #items: unknown[] = [];
  #done = false;
  #cancelled = false;
  #error: WireError | null = null;
  #wakeReader: () => void = () => undefined;
  #wakeWriter: () => void = () => undefined;

  /** `onEnd` runs when the last item was handed over or the stream was cancelled. */
  constructor(start: (signal: AbortSignal) => AsyncIterable<unknown>, onEnd: () => void) {
    this.#iterator = start(this.#abort.signal)[Symbol.asyncIterator]();
    this.#onEnd = onEnd;
    void this.#pump();
  }

  /** Waits for at least one item, the end or an error. */
  async pull(): Promise<Pulled> {
    while (this.#items.length === 0 && !this.#done) {
      await new Promise<void>((resolve) => (this.#wakeReader = resolve));
    }
    const items = this.#items;
    this.#items = [];
    this.#wakeWriter();
    if (this.#done) this.#onEnd();
    return { items, done: this.#done, error: this.#error };
  }

  cancel(mode: CancelMode): void {
    this.#abort.abort();
    if (mode === 'ask') return;
    this.#cancelled = true;
    this.#items = [];
    this.#wakeWriter();
    // Queued behind a pending next(); its failure is nobody's any more.
    this.#iterator.return?.()?.catch(() => undefined);
    this.#finish();
    this.#onEnd();
  }

  async #pump(): Promise<void> {
    try {
      for (;;) {
        const step = await this.#iterator.next();
        if (step.done === true || this.#cancelled) break;
        this.#items.push(step.value);
        this.#wakeReader();
        if (this.#items.length >= HIGH_WATER) await this.#room();
      }
    } catch (error) {
      if (!this.#cancelled) this.#error = encodeError(error);
    }
    this.#finish();
  }

  async #room(): Promise<void> {
    while (this.#items.length >= HIGH_WATER && !this.#cancelled) {
      await new Promise<void>((resolve) => (this.#wakeWriter = resolve));
    }
  }

  #finish(): void {
    this.#done = true;
    this.#wakeReader();
  }
}
