// How much memory models may take, as the user says: browsers do not tell it of graphics cards. Kept with the other settings;
// the engine reads it there, for what it advises.
import { defaultSettings } from '../../core/config/settings';
import type { SettingsStore } from '../../core/config/settings-store';

export class MemorySetting {
  readonly #settings: SettingsStore | null;
  #gigabytes = $state<number | null>(defaultSettings.engine.memoryGigabytes);

  /** @param settings null where nothing can be kept: the memory stays unknown then. */
  constructor(settings: SettingsStore | null) {
    this.#settings = settings;
    this.#gigabytes = (settings?.current ?? defaultSettings).engine.memoryGigabytes;
    settings?.subscribe(({ engine }) => (this.#gigabytes = engine.memoryGigabytes));
  }

  /** null is unknown. */
  get gigabytes(): number | null {
    return this.#gigabytes;
  }

  get canChange(): boolean {
    return this.#settings !== null;
  }

  /** @throws AppError `config.invalid` for what is no amount of memory. */
  async set(gigabytes: number | null): Promise<void> {
    await this.#settings?.update({ engine: { memoryGigabytes: gigabytes } });
  }
}
