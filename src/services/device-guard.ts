// One piece of device work at a time, or several that may share a turn; given up when the device is lost: promises that hang on a lost GPU never settle,
// so whoever waits for one is told from here.
import { nextEventTurn } from '../lib/async/event-turn';
import { Turnstile } from '../lib/async/turnstile';
import type { AppError } from '../lib/errors';

interface SharedWork {
  start: () => Promise<void>;
  fail: (error: unknown) => void;
}

export class DeviceGuard {
  readonly #turnstile = new Turnstile();
  readonly #inFlight = new Set<(error: AppError) => void>();
  /** Waits for the next shared turn. */
  readonly #sharing: SharedWork[] = [];
  #lost: AppError | null = null;

  /** @throws the error given to `lose`, from then until `restore`, besides the work's own. */
  readonly exclusive = <T>(work: () => Promise<T>): Promise<T> =>
    this.#turnstile.pass(async () => {
      if (this.#lost !== null) throw this.#lost;
      let fail: (error: AppError) => void = () => undefined;
      const lost = new Promise<never>((_, reject) => (fail = reject));
      this.#inFlight.add(fail);
      try {
        return await Promise.race([work(), lost]);
      } finally {
        this.#inFlight.delete(fail);
      }
    });

  /**
   * Runs together with all other shared work that asks before its turn comes: tokens of several sequences are computed
   * in one go. Alone as against exclusive work.
   */
  readonly shared = <T>(work: () => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      this.#sharing.push({ start: () => work().then(resolve, reject), fail: reject });
      // The first in line takes the others along.
      if (this.#sharing.length === 1) void this.#serveShared();
    });

  lose(error: AppError): void {
    this.#lost = error;
    for (const fail of this.#inFlight) fail(error);
  }

  /** The device is about to be started again. */
  restore(): void {
    this.#lost = null;
  }

  async #serveShared(): Promise<void> {
    let served: SharedWork[] = [];
    try {
      await this.exclusive(async () => {
        // Whoever was served in the last turn may ask again by now.
        await nextEventTurn();
        served = this.#sharing.splice(0);
        await Promise.all(served.map(({ start }) => start()));
      });
    } catch (error) {
      for (const { fail } of [...served, ...this.#sharing.splice(0)]) fail(error);
    }
  }
}
