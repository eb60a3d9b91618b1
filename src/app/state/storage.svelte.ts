// How much of the browser's storage is used and whether the browser may clear it on its own.

export interface StorageUsage {
  usedBytes: number;
  /** null where the browser does not tell. */
  quotaBytes: number | null;
  persisted: boolean;
}

export class StorageState {
  #usage = $state.raw<StorageUsage | null>(null);
  readonly #manager: StorageManager | null;

  /** `manager` is navigator.storage; null on pages that are not secure. */
  constructor(manager: StorageManager | null) {
    this.#manager = manager;
  }

  /** null until it was read, or where it cannot be. */
  get usage(): StorageUsage | null {
    return this.#usage;
  }

  async refresh(): Promise<void> {
    if (this.#manager === null) return;
    try {
      const [estimate, persisted] = await Promise.all([this.#manager.estimate(), this.#manager.persisted()]);
      this.#usage = { usedBytes: estimate.usage ?? 0, quotaBytes: estimate.quota ?? null, persisted };
    } catch {
      this.#usage = null;
    }
  }

  /** Asks the browser to keep the data. @returns whether it agreed. */
  async protect(): Promise<boolean> {
    if (this.#manager === null) return false;
    const granted = await this.#manager.persist().catch(() => false);
    await this.refresh();
    return granted;
  }
}
