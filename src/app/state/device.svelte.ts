// What the engine computes on and why, as it reported it.
import type { BackendChoice, DeviceReport } from '../../protocol/engine';
import type { Clients } from './clients';

export class Device {
  #report = $state.raw<DeviceReport | null>(null);
  #error = $state.raw<unknown>(null);
  readonly #engine: Pick<Clients['engine'], 'selectBackend'>;

  constructor(engine: Pick<Clients['engine'], 'selectBackend'>) {
    this.#engine = engine;
  }

  /** null until the engine has chosen. */
  get report(): DeviceReport | null {
    return this.#report;
  }

  get error(): unknown {
    return this.#error;
  }

  /** Asks for a backend. @throws what the engine throws; the last report stays. */
  async select(choice: BackendChoice): Promise<DeviceReport> {
    this.#report = await this.#engine.selectBackend(choice);
    this.#error = null;
    return this.#report;
  }

  /** The choice of the last visit; a failure is kept in `error` instead of thrown. */
  async start(choice: BackendChoice): Promise<void> {
    try {
      await this.select(choice);
    } catch (error) {
      this.#error = error;
    }
  }
}
