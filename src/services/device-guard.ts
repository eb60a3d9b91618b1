// One piece of device work at a time, given up when the device is lost: promises that hang on a lost GPU never settle,
// so whoever waits for one is told from here.
import { Turnstile } from '../lib/async/turnstile';
import type { AppError } from '../lib/errors';

export class DeviceGuard {
  readonly #turnstile = new Turnstile();
  readonly #inFlight = new Set<(error: AppError) => void>();
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

  lose(error: AppError): void {
    this.#lost = error;
    for (const fail of this.#inFlight) fail(error);
  }

  /** The device is about to be started again. */
  restore(): void {
    this.#lost = null;
  }
}
