// Values of a cache in the browser's database: one transaction for a batch, not flushed to the disk at once. The least
// recently used go when the budget of bytes is spent. The database is the caller's.
import type { CachedValueRow, Database } from '../../core/database';
import type { StoredValue, ValueSize, ValueStore } from './value-store';

export interface DatabaseStoreOptions {
  budgetBytes?: number;
  now?: () => number;
  /** Of a page of keys. */
  keysAtOnce?: number;
}

export type ValueStoreName = 'cachedTokens' | 'cachedVectors';

const BUDGET_BYTES = 512 << 20;
/** What is left when it was full: not each further write has to make room. */
const KEPT_SHARE = 0.9;
/** A value that was used within it keeps its date: a date is a write of the whole value. */
const SAME_USE_MS = 24 * 3600 * 1000;
/** Values, and bytes of them, whose dates wait to be written. */
const MOST_REUSED = 128;
const MOST_REUSED_BYTES = 8 << 20;
const KEYS_AT_ONCE = 20_000;

export class DatabaseStore implements ValueStore {
  readonly budgetBytes: number;
  readonly #database: Database;
  readonly #name: ValueStoreName;
  readonly #now: () => number;
  readonly #keysAtOnce: number;
  readonly #reused = new Map<string, CachedValueRow>();
  #reusedBytes = 0;
  #storedBytes: number | null = null;

  constructor(database: Database, name: ValueStoreName, options: DatabaseStoreOptions = {}) {
    this.#database = database;
    this.#name = name;
    this.budgetBytes = options.budgetBytes ?? BUDGET_BYTES;
    this.#now = options.now ?? Date.now;
    this.#keysAtOnce = options.keysAtOnce ?? KEYS_AT_ONCE;
  }

  get overdue(): boolean {
    return this.#reused.size >= MOST_REUSED || this.#reusedBytes >= MOST_REUSED_BYTES;
  }

  async read(keys: readonly string[]): Promise<(CachedValueRow | undefined)[]> {
    const { store } = this.#database.transaction(this.#name);
    const rows = await Promise.all(keys.map((key) => store.get(key)));
    for (const row of rows) if (row !== undefined) this.#use(row);
    return rows;
  }

  /** All keys that there are come in pages: to ask for each of many takes ten times as long. */
  async known(keys: readonly string[]): Promise<Set<string>> {
    const wanted = new Set(keys);
    const known = new Set<string>();
    let page: string[] = [];
    do {
      const after = IDBKeyRange.lowerBound(page.at(-1) ?? '', true);
      page = await this.#database.getAllKeys(this.#name, after, this.#keysAtOnce);
      for (const key of page) if (wanted.has(key)) known.add(key);
    } while (page.length === this.#keysAtOnce);
    return known;
  }

  async write(values: readonly StoredValue[]): Promise<void> {
    const reused = [...this.#reused.values()];
    this.#reused.clear();
    this.#reusedBytes = 0;
    if (values.length === 0 && reused.length === 0) return;
    const usedAt = this.#now();
    const rows = values.map((value) => ({ ...value, size: value.bytes.byteLength, usedAt }));
    this.#storedBytes ??= await this.#countBytes();
    const { store, done } = this.#database.transaction(this.#name, 'readwrite', { durability: 'relaxed' });
    const puts = [...rows, ...reused.map((row) => ({ ...row, usedAt }))].map((row) => store.put(row));
    // What a put says after its transaction failed is not why it failed.
    await Promise.allSettled(puts);
    await done;
    this.#storedBytes += rows.reduce((sum, { size }) => sum + size, 0);
    if (this.#storedBytes > this.budgetBytes) await this.#makeRoom(this.#storedBytes);
  }

  async forget(key: string): Promise<void> {
    this.#reused.delete(key);
    this.#storedBytes = null;
    await this.#database.delete(this.#name, key);
  }

  async sizes(): Promise<Map<string, ValueSize>> {
    const sizes = new Map<string, ValueSize>();
    const index = this.#database.transaction(this.#name).store.index('dataset');
    for (let cursor = await index.openKeyCursor(); cursor !== null; cursor = await cursor.continue()) {
      const [datasetId, size] = cursor.key;
      const { values, bytes } = sizes.get(datasetId) ?? { values: 0, bytes: 0 };
      sizes.set(datasetId, { values: values + 1, bytes: bytes + size });
    }
    return sizes;
  }

  async clear(datasetId: string | null): Promise<void> {
    this.#reused.clear();
    this.#storedBytes = null;
    const { store, done } = this.#database.transaction(this.#name, 'readwrite');
    if (datasetId === null) await store.clear();
    else {
      const ofDataset = IDBKeyRange.bound([datasetId], [datasetId, []]);
      const keys = await store.index('dataset').getAllKeys(ofDataset);
      await Promise.all(keys.map((key) => store.delete(key)));
    }
    await done;
  }

  #use(row: CachedValueRow): void {
    if (this.#now() - row.usedAt <= SAME_USE_MS || this.#reused.has(row.key)) return;
    this.#reused.set(row.key, row);
    this.#reusedBytes += row.size;
  }

  async #makeRoom(storedBytes: number): Promise<void> {
    const { store, done } = this.#database.transaction(this.#name, 'readwrite', { durability: 'relaxed' });
    let left = storedBytes;
    const gone: Promise<void>[] = [];
    const cursorOfOldest = store.index('use').openKeyCursor();
    for (let cursor = await cursorOfOldest; cursor !== null; cursor = await cursor.continue()) {
      if (left <= this.budgetBytes * KEPT_SHARE) break;
      left -= cursor.key[1];
      gone.push(store.delete(cursor.primaryKey));
    }
    await Promise.all([...gone, done]);
    this.#storedBytes = left;
  }

  /** By the keys of an index: no value is read. */
  async #countBytes(): Promise<number> {
    const index = this.#database.transaction(this.#name).store.index('use');
    let bytes = 0;
    for (let cursor = await index.openKeyCursor(); cursor !== null; cursor = await cursor.continue())
      bytes += cursor.key[1];
    return bytes;
  }
}
