// Secrets kept behind a passphrase: AES-GCM under a key that PBKDF2 derives from it. The key cannot be exported and
// lives only while the vault is unlocked. A lost passphrase means lost secrets.
import { AppError } from '../../lib/errors';
import type { VaultRecord } from '../database';
import { decrypt, encrypt } from './seal';
import type { Vault } from './vault';

/** The part of the database it needs. */
export interface VaultRecords {
  get(name: string): Promise<VaultRecord | undefined>;
  put(name: string, record: VaultRecord): Promise<void>;
  delete(name: string): Promise<void>;
  names(): Promise<string[]>;
  clear(): Promise<void>;
}

/** Proves a passphrase, and holds salt and iterations. No secret may have its name. */
const PROOF = '#proof';
/** OWASP's minimum for PBKDF2 with SHA-256 (2023). */
const ITERATIONS = 600_000;

export class EncryptedVault implements Vault {
  readonly kind = 'encrypted';
  readonly #records: VaultRecords;
  readonly #iterations: number;
  #key: CryptoKey | null = null;

  constructor(records: VaultRecords, iterations = ITERATIONS) {
    this.#records = records;
    this.#iterations = iterations;
  }

  get locked(): boolean {
    return this.#key === null;
  }

  /** Whether a passphrase was ever set. */
  async exists(): Promise<boolean> {
    return (await this.#records.get(PROOF)) !== undefined;
  }

  /** The first passphrase ever given becomes the one. @throws AppError `vault.wrong-passphrase`. */
  async unlock(passphrase: string): Promise<void> {
    if (passphrase === '') throw wrongPassphrase();
    const proof = await this.#records.get(PROOF);
    if (proof?.derivation === undefined) {
      this.#key = await this.#create(passphrase);
      return;
    }
    const key = await deriveKey(passphrase, proof.derivation);
    await decrypt(key, PROOF, proof).catch(() => {
      throw wrongPassphrase();
    });
    this.#key = key;
  }

  lock(): void {
    this.#key = null;
  }

  /** For a forgotten passphrase: removes every secret, then a new passphrase may be set. */
  async destroy(): Promise<void> {
    this.lock();
    await this.#records.clear();
  }

  async get(name: string): Promise<string | null> {
    const key = this.#unlocked();
    const record = name === PROOF ? undefined : await this.#records.get(name);
    return record === undefined ? null : decrypt(key, name, record);
  }

  async set(name: string, secret: string): Promise<void> {
    const key = this.#unlocked();
    if (name === PROOF) throw new AppError('config.invalid', `"${PROOF}" cannot be the name of a secret.`);
    await this.#records.put(name, await encrypt(key, name, secret));
  }

  async remove(name: string): Promise<void> {
    this.#unlocked();
    if (name !== PROOF) await this.#records.delete(name);
  }

  async list(): Promise<string[]> {
    this.#unlocked();
    return (await this.#records.names()).filter((name) => name !== PROOF).sort();
  }

  async #create(passphrase: string): Promise<CryptoKey> {
    const salt = crypto.getRandomValues(new Uint8Array(16));
    const derivation = { salt, iterations: this.#iterations };
    const key = await deriveKey(passphrase, derivation);
    const proof = await encrypt(key, PROOF, crypto.randomUUID());
    await this.#records.put(PROOF, { ...proof, derivation });
    return key;
  }

  #unlocked(): CryptoKey {
    if (this.#key !== null) return this.#key;
    throw new AppError('vault.locked', 'The vault is locked.', { remedy: 'Enter its passphrase first.' });
  }
}

async function deriveKey(
  passphrase: string,
  { salt, iterations }: NonNullable<VaultRecord['derivation']>,
): Promise<CryptoKey> {
  // The same passphrase typed on another keyboard may use other code points.
  const bytes = new TextEncoder().encode(passphrase.normalize('NFKC'));
  const material = await crypto.subtle.importKey('raw', bytes, 'PBKDF2', false, ['deriveKey']);
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations };
  return crypto.subtle.deriveKey(parameters, material, { name: 'AES-GCM', length: 256 }, false, [
    'encrypt',
    'decrypt',
  ]);
}

function wrongPassphrase(): AppError {
  return new AppError('vault.wrong-passphrase', 'The passphrase does not open the vault.', {
    remedy: 'Try again; if it is lost, empty the vault and enter the secrets anew.',
  });
}
