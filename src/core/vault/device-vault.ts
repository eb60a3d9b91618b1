// Secrets kept without a passphrase: AES-GCM under a key that this browser made and gives to nobody. Whoever can run code on
// this page can use it; whoever copies the database, exports the workspace or reads the disk cannot read them.
import { AppError } from '../../lib/errors';
import type { Database, VaultRecord } from '../database';
import { documentsOf, type Documents } from '../documents';
import { decrypt, encrypt } from './seal';
import type { Vault } from './vault';

const KEY_DOCUMENT = 'device-vault key';

interface Sealed extends VaultRecord {
  name: string;
}

export class DeviceVault implements Vault {
  readonly kind = 'device';
  readonly #database: Database;
  readonly #secrets: Documents<Sealed>;
  #key: Promise<CryptoKey> | null = null;
  #locked = false;

  /** The database is the caller's. */
  constructor(database: Database) {
    this.#database = database;
    this.#secrets = documentsOf<Sealed>(
      database,
      'device-vault secret',
      (value) => 'iv' in value && 'ciphertext' in value && 'name' in value,
    );
  }

  /** Only after `lock`: a vault of its own opens without being asked. */
  get locked(): boolean {
    return this.#locked;
  }

  /** A secret whose key is gone counts as absent. */
  async get(name: string): Promise<string | null> {
    const key = await this.#openKey();
    const sealed = await this.#secrets.get(name);
    if (sealed === null) return null;
    return decrypt(key, name, sealed).catch(() => null);
  }

  async set(name: string, secret: string): Promise<void> {
    const sealed = await encrypt(await this.#openKey(), name, secret);
    await this.#secrets.put(name, { ...sealed, name });
  }

  remove(name: string): Promise<void> {
    return this.#secrets.delete(name);
  }

  async list(): Promise<string[]> {
    return (await this.#secrets.list()).map(({ name }) => name).sort();
  }

  lock(): void {
    this.#key = null;
    this.#locked = true;
  }

  #openKey(): Promise<CryptoKey> {
    if (this.#locked) {
      return Promise.reject(
        new AppError('vault.locked', 'The vault is locked.', { remedy: 'Reload the page to open it again.' }),
      );
    }
    this.#key ??= this.#readOrCreateKey().catch((error: unknown) => {
      this.#key = null;
      throw error;
    });
    return this.#key;
  }

  /** Two tabs that start at once end with the same key: the first one written stays. */
  async #readOrCreateKey(): Promise<CryptoKey> {
    const kept: unknown = await this.#database.get('documents', KEY_DOCUMENT);
    if (kept instanceof CryptoKey) return kept;
    const fresh = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, [
      'encrypt',
      'decrypt',
    ]);
    const transaction = this.#database.transaction('documents', 'readwrite');
    const meanwhile: unknown = await transaction.store.get(KEY_DOCUMENT);
    if (!(meanwhile instanceof CryptoKey)) await transaction.store.put(fresh, KEY_DOCUMENT);
    await transaction.done;
    return meanwhile instanceof CryptoKey ? meanwhile : fresh;
  }
}
