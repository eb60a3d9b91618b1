// Credentials of data backends: in the vault under `backend.<id>.<key>`, handed over with the call that needs them. Views see
// which ones there are, never what they are.
import type { Vault } from '../../core/vault/vault';
import type { BackendSecrets } from '../../protocol/backends';

export class BackendSecretStore {
  readonly #vault: Promise<Vault>;

  constructor(vault: Promise<Vault>) {
    this.#vault = vault;
  }

  /** For one call, and nothing else. */
  async of(id: string): Promise<BackendSecrets> {
    const vault = await this.#vault;
    const keys = await this.keys(id);
    const values = await Promise.all(
      keys.map(async (key) => [key, await vault.get(nameOf(id, key))] as const),
    );
    return Object.fromEntries(values.flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
  }

  /** Names of those that are kept. */
  async keys(id: string): Promise<string[]> {
    const prefix = nameOf(id, '');
    const names = await (await this.#vault).list();
    // An id may hold dots: a key never does.
    return names.flatMap((name) => {
      const key = name.slice(prefix.length);
      return name.startsWith(prefix) && !key.includes('.') ? [key] : [];
    });
  }

  /** Those that are empty stay as they were. */
  async keep(id: string, secrets: BackendSecrets): Promise<void> {
    const vault = await this.#vault;
    for (const [key, secret] of Object.entries(secrets)) {
      if (secret.trim() !== '') await vault.set(nameOf(id, key), secret.trim());
    }
  }

  async forget(id: string): Promise<void> {
    const vault = await this.#vault;
    for (const key of await this.keys(id)) await vault.remove(nameOf(id, key));
  }
}

const nameOf = (id: string, key: string): string => `backend.${id}.${key}`;
