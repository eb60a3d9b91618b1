// What was computed of samples and outlives the tab: tokens, vectors. By the SHA-256 of what it was made of; writes are
// gathered. It never fails the work that it is for: where there is no room left, or the store refuses, it says so once and
// is off for the session. It does not know what the bytes mean, nor where they lie.
import { AppError, hasCode, messageOf } from '../../lib/errors';
import { isQuotaError } from '../../lib/storage/quota';
import type { ValueSizes } from '../../protocol/caches';
import { gunzip, gzip } from './gzip';
import type { StoredValue, ValueStore } from './value-store';

export interface ValueCacheOptions {
  /** What it keeps, for people: `Tokenised samples`. */
  what: string;
  warn?: (message: string, error: unknown) => void;
  /** Why it is off from the beginning. */
  off?: string;
}

export interface CacheValue {
  /** SHA-256, hex. */
  key: string;
  /** Whose it is: for sizes and for clearing. Another dataset that makes the same key reads it as well. */
  datasetId: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** Smaller by gzip, which takes time. */
  compress: boolean;
  /** Values that are written at once; 128 where it is not said. */
  batchSize?: number;
}

const WRITE_BATCH_SIZE = 128;
/** Bytes waiting to be written at which writing starts, however few values they are. */
const BATCH_BYTES = 8 << 20;

export class ValueCache {
  readonly #store: ValueStore;
  readonly #options: Required<Omit<ValueCacheOptions, 'off'>>;
  readonly #waiting = new Map<string, CacheValue>();
  #waitingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #firstError: AppError | null = null;
  #off: string | null;

  constructor(store: ValueStore, options: ValueCacheOptions) {
    this.#store = store;
    const { off = null, ...rest } = options;
    this.#options = { warn: (message, error) => console.warn(message, error), ...rest };
    this.#off = off;
  }

  /** Why nothing is kept in this session; null where it is. */
  get off(): string | null {
    return this.#off;
  }

  /** At once. @returns null where there is none; no bytes where they cannot be read. */
  async read(keys: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | null)[]> {
    if (this.#off !== null || keys.length === 0) return keys.map(() => null);
    try {
      const values = await this.#store.read(keys);
      const contents = await Promise.all(values.map((value) => contentOf(value)));
      if (this.#store.overdue) this.#startWriting();
      return contents;
    } catch (error) {
      this.#failReading(error);
      return keys.map(() => null);
    }
  }

  /** Those of the keys that are kept; no value is read, so that a damaged one is among them. */
  async known(keys: readonly string[]): Promise<ReadonlySet<string>> {
    if (this.#off !== null || keys.length === 0) return new Set();
    try {
      return await this.#store.known(keys);
    } catch (error) {
      this.#failReading(error);
      return new Set();
    }
  }

  /** Queued; resolves at once unless much is waiting. What goes wrong is told by `waitForPendingWrites`. */
  async write(value: CacheValue): Promise<void> {
    if (this.#off !== null || this.#waiting.has(value.key)) return;
    this.#waiting.set(value.key, value);
    this.#waitingBytes += value.bytes.length;
    const { batchSize = WRITE_BATCH_SIZE } = value;
    if (this.#waiting.size < batchSize && this.#waitingBytes < BATCH_BYTES) return;
    // The batch before has to be through: at most two are in memory.
    await this.#writing;
    this.#startWriting();
  }

  async forget(key: string): Promise<void> {
    await this.#store.forget(key).catch((error: unknown) => this.#fail(error));
  }

  /** @throws AppError `storage.unavailable`, once, with what went wrong first. No room left is no error: it is a note. */
  async waitForPendingWrites(): Promise<void> {
    await this.#settled();
    const error = this.#firstError;
    this.#firstError = null;
    if (error !== null) throw error;
  }

  async sizes(): Promise<ValueSizes> {
    await this.#settled();
    const sizes = await this.#store.sizes();
    return {
      budgetBytes: this.#store.budgetBytes,
      off: this.#off,
      datasets: [...sizes].map(([datasetId, size]) => ({ datasetId, ...size })),
    };
  }

  /** @param datasetId null: those of all. */
  async clear(datasetId: string | null): Promise<void> {
    await this.#settled();
    await this.#store.clear(datasetId);
  }

  async #settled(): Promise<void> {
    this.#startWriting();
    await this.#writing;
  }

  #startWriting(): void {
    const values = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#writing = this.#writing
      .then(() => this.#write(values))
      .catch((error: unknown) => this.#fail(error));
  }

  async #write(values: readonly CacheValue[]): Promise<void> {
    if (this.#off === null) await this.#store.write(await Promise.all(values.map(storedValue)));
  }

  #failReading(error: unknown): void {
    this.#switchOff(`${this.#options.what} cannot be read back: they are made anew.`, error);
  }

  #fail(cause: unknown): void {
    const { what } = this.#options;
    if (isQuotaError(cause) || hasCode(cause, 'storage.quota')) {
      const note = `No room left for ${what.toLowerCase()}: they are made anew in this session.`;
      this.#switchOff(note, cause);
      return;
    }
    this.#firstError ??= new AppError(
      'storage.unavailable',
      `${what} could not be kept: ${messageOf(cause)}`,
      { remedy: 'Work goes on without; reload the page if it stays.', cause },
    );
  }

  #switchOff(note: string, error: unknown): void {
    if (this.#off !== null) return;
    this.#off = note;
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#options.warn(note, error);
  }
}

async function contentOf(
  value: Pick<StoredValue, 'bytes' | 'gzip'> | undefined,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (value === undefined) return null;
  const bytes = value.gzip ? await gunzip(value.bytes) : value.bytes;
  return new Uint8Array(bytes ?? new ArrayBuffer(0));
}

async function storedValue({ key, datasetId, bytes, compress }: CacheValue): Promise<StoredValue> {
  const kept = compress ? await gzip(bytes) : bytes.slice().buffer;
  return { key, datasetId, bytes: kept, gzip: compress };
}
