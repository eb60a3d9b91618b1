// Secrets that live as long as the tab: private fields, so that no JSON, clone or log shows them.
import type { Vault } from './vault';

export class SessionVault implements Vault {
  readonly kind = 'session';
  /** There is nothing to unlock: locking forgets. */
  readonly locked = false;
  readonly #secrets = new Map<string, string>();

  get(name: string): Promise<string | null> {
    return Promise.resolve(this.#secrets.get(name) ?? null);
  }

  set(name: string, secret: string): Promise<void> {
    this.#secrets.set(name, secret);
    return Promise.resolve();
  }

  remove(name: string): Promise<void> {
    this.#secrets.delete(name);
    return Promise.resolve();
  }

  list(): Promise<string[]> {
    return Promise.resolve([...this.#secrets.keys()].sort());
  }

  lock(): void {
    this.#secrets.clear();
  }
}
