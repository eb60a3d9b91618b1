// Tokenised samples that outlive the tab: the `cachedTokens` store, by the SHA-256 of what they were made of. Writes are
// gathered into one transaction; the least recently used go when a budget of bytes is spent. It never fails a run: where the
// browser has no room left, or refuses, it says so once and is off for the session. It does not know what the bytes mean.
import type { Database, FraguaSchema } from '../../core/database';
import { AppError, messageOf } from '../../lib/errors';
import { isQuotaError } from '../../lib/storage/quota';
import type { CacheSizes } from '../../protocol/caches';
import { gunzip, gzip } from './gzip';

export interface TokenCacheOptions {
  budgetBytes?: number;
  /** Values of one transaction. */
  writeBatchSize?: number;
  now?: () => number;
  warn?: (message: string, error: unknown) => void;
}

export interface TokenValue {
  /** SHA-256, hex. */
  key: string;
  /** Whose it is: for sizes and for clearing. Another dataset that makes the same key reads it as well. */
  datasetId: string;
  bytes: Uint8Array<ArrayBuffer>;
  /** Smaller by gzip, which takes time. */
  compress: boolean;
}

type Row = FraguaSchema['cachedTokens']['value'];

const BUDGET_BYTES = 512 << 20;
const WRITE_BATCH_SIZE = 128;
/** Bytes waiting to be written at which writing starts, however few values they are. */
const BATCH_BYTES = 8 << 20;
/** What is left when it was full: not each further write has to make room. */
const KEPT_SHARE = 0.9;
/** A value that was used within it keeps its date: a date is a write of the whole value. */
const SAME_USE_MS = 24 * 3600 * 1000;

export class TokenCache {
  readonly #database: Database;
  readonly #options: Required<TokenCacheOptions>;
  readonly #waiting = new Map<string, TokenValue>();
  readonly #reused = new Map<string, Row>();
  #waitingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  #firstError: AppError | null = null;
  #storedBytes: number | null = null;
  #off: string | null = null;

  constructor(database: Database, options: TokenCacheOptions = {}) {
    this.#database = database;
    this.#options = {
      budgetBytes: BUDGET_BYTES,
      writeBatchSize: WRITE_BATCH_SIZE,
      now: Date.now,
      warn: (message, error) => console.warn(message, error),
      ...options,
    };
  }

  /** In one transaction. @returns null where there is none; no bytes where they cannot be read. */
  async read(keys: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | null)[]> {
    if (this.#off !== null || keys.length === 0) return keys.map(() => null);
    try {
      const { store } = this.#database.transaction('cachedTokens');
      const rows = await Promise.all(keys.map((key) => store.get(key)));
      const contents = await Promise.all(rows.map((row) => this.#content(row)));
      if (this.#batchIsFull()) this.#startWriting();
      return contents;
    } catch (error) {
      this.#switchOff('Tokenised samples cannot be read back: they are made anew.', error);
      return keys.map(() => null);
    }
  }

  /** Queued; resolves at once unless much is waiting. What goes wrong is told by `waitForPendingWrites`. */
  async write(value: TokenValue): Promise<void> {
    if (this.#off !== null || this.#waiting.has(value.key)) return;
    this.#waiting.set(value.key, value);
    this.#waitingBytes += value.bytes.length;
    if (!this.#batchIsFull()) return;
    // The batch before has to be through: at most two are in memory.
    await this.#writing;
    this.#startWriting();
  }

  async forget(key: string): Promise<void> {
    await this.#database.delete('cachedTokens', key).catch((error: unknown) => this.#fail(error));
  }

  /** @throws AppError `storage.unavailable`, once, with what went wrong first. No room left is no error: it is a note. */
  async waitForPendingWrites(): Promise<void> {
    this.#startWriting();
    await this.#writing;
    const error = this.#firstError;
    this.#firstError = null;
    if (error !== null) throw error;
  }

  async sizes(): Promise<CacheSizes> {
    await this.#settled();
    const datasets = new Map<string, { values: number; bytes: number }>();
    const index = this.#database.transaction('cachedTokens').store.index('dataset');
    for (let cursor = await index.openKeyCursor(); cursor !== null; cursor = await cursor.continue()) {
      const [datasetId, size] = cursor.key;
      const { values, bytes } = datasets.get(datasetId) ?? { values: 0, bytes: 0 };
      datasets.set(datasetId, { values: values + 1, bytes: bytes + size });
    }
    return {
      budgetBytes: this.#options.budgetBytes,
      off: this.#off,
      datasets: [...datasets].map(([datasetId, size]) => ({ datasetId, ...size })),
    };
  }

  /** @param datasetId null: those of all. */
  async clear(datasetId: string | null): Promise<void> {
    await this.#settled();
    this.#storedBytes = null;
    const { store, done } = this.#database.transaction('cachedTokens', 'readwrite');
    if (datasetId === null) await store.clear();
    else {
      const ofDataset = IDBKeyRange.bound([datasetId], [datasetId, []]);
      const keys = await store.index('dataset').getAllKeys(ofDataset);
      await Promise.all(keys.map((key) => store.delete(key)));
    }
    await done;
  }

  async #content(row: Row | undefined): Promise<Uint8Array<ArrayBuffer> | null> {
    if (row === undefined) return null;
    if (this.#options.now() - row.usedAt > SAME_USE_MS && !this.#reused.has(row.key)) {
      this.#reused.set(row.key, row);
      this.#waitingBytes += row.size;
    }
    const bytes = row.gzip ? await gunzip(row.bytes) : row.bytes;
    return new Uint8Array(bytes ?? new ArrayBuffer(0));
  }

  #batchIsFull(): boolean {
    const values = this.#waiting.size + this.#reused.size;
    return values >= this.#options.writeBatchSize || this.#waitingBytes >= BATCH_BYTES;
  }

  async #settled(): Promise<void> {
    this.#startWriting();
    await this.#writing;
  }

  #startWriting(): void {
    if (this.#waiting.size === 0 && this.#reused.size === 0) return;
    const [values, reused] = [[...this.#waiting.values()], [...this.#reused.values()]];
    this.#waiting.clear();
    this.#reused.clear();
    this.#waitingBytes = 0;
    this.#writing = this.#writing
      .then(() => this.#store(values, reused))
      .catch((error: unknown) => this.#fail(error));
  }

  async #store(values: readonly TokenValue[], reused: readonly Row[]): Promise<void> {
    if (this.#off !== null) return;
    const usedAt = this.#options.now();
    const rows = await Promise.all(values.map((value) => rowOf(value, usedAt)));
    this.#storedBytes ??= await this.#countBytes();
    const { store, done } = this.#database.transaction('cachedTokens', 'readwrite', {
      durability: 'relaxed',
    });
    const puts = [...rows, ...reused.map((row) => ({ ...row, usedAt }))].map((row) => store.put(row));
    // What a put says after its transaction failed is not why it failed.
    await Promise.allSettled(puts);
    await done;
    this.#storedBytes += rows.reduce((sum, { size }) => sum + size, 0);
    if (this.#storedBytes > this.#options.budgetBytes) await this.#makeRoom(this.#storedBytes);
  }

  async #makeRoom(storedBytes: number): Promise<void> {
    const { store, done } = this.#database.transaction('cachedTokens', 'readwrite', {
      durability: 'relaxed',
    });
    let left = storedBytes;
    const gone: Promise<void>[] = [];
    const cursorOfOldest = store.index('use').openKeyCursor();
    for (let cursor = await cursorOfOldest; cursor !== null; cursor = await cursor.continue()) {
      if (left <= this.#options.budgetBytes * KEPT_SHARE) break;
      left -= cursor.key[1];
      gone.push(store.delete(cursor.primaryKey));
    }
    await Promise.all([...gone, done]);
    this.#storedBytes = left;
  }

  /** By the keys of an index: no value is read. */
  async #countBytes(): Promise<number> {
    const index = this.#database.transaction('cachedTokens').store.index('use');
    let bytes = 0;
    for (let cursor = await index.openKeyCursor(); cursor !== null; cursor = await cursor.continue())
      bytes += cursor.key[1];
    return bytes;
  }

  #fail(cause: unknown): void {
    if (isQuotaError(cause)) {
      this.#switchOff('No room left for tokenised samples: they are made anew in this session.', cause);
      return;
    }
    this.#firstError ??= new AppError(
      'storage.unavailable',
      `Tokenised samples could not be kept: ${messageOf(cause)}`,
      { remedy: 'Training goes on without; reload the page if it stays.', cause },
    );
  }

  #switchOff(note: string, error: unknown): void {
    if (this.#off !== null) return;
    this.#off = note;
    this.#waiting.clear();
    this.#reused.clear();
    this.#waitingBytes = 0;
    this.#options.warn(note, error);
  }
}

async function rowOf({ key, datasetId, bytes, compress }: TokenValue, usedAt: number): Promise<Row> {
  const kept = compress ? await gzip(bytes) : bytes.slice().buffer;
  return { key, datasetId, bytes: kept, size: kept.byteLength, gzip: compress, usedAt };
}
