// Values of a cache in any place that files can be written to: a bucket, where another machine finds them, or memory. What lies
// there is looked through once; a pack that is damaged goes. Where the place is full, the packs used longest ago go. The place
// is the caller's.
import { mapAhead } from '../../lib/async/map-ahead';
import { hasCode } from '../../lib/errors';
import type { BackendFile, DataBackend } from '../backends/data-backend';
import { packValues, readPackList, type PackedValue } from './pack';
import type { StoredValue, ValueSize, ValueStore } from './value-store';

export interface PackStoreOptions {
  /** Of the place: tokens and vectors lie in one of their own. */
  folder: string;
  /** What the place takes; null where it does not say. */
  budgetBytes: number | null;
  /** Milliseconds since the epoch. */
  now: () => number;
  createId: () => string;
}

interface Pack {
  path: string;
  datasetId: string;
  size: number;
  /** Of its values, those that no later pack has. */
  values: Map<string, PackedValue>;
}

const EXTENSION = 'pack';
/** Packs whose lists are read side by side. */
const AT_ONCE = 8;

export class PackStore implements ValueStore {
  readonly budgetBytes: number | null;
  /** Use is remembered by the order of the packs, and only here. */
  readonly overdue = false;
  readonly #backend: DataBackend;
  readonly #options: PackStoreOptions;
  /** By path; those used last stand last. */
  readonly #packs = new Map<string, Pack>();
  readonly #places = new Map<string, Pack>();
  #lookedThrough: Promise<void> | null = null;

  constructor(backend: DataBackend, options: PackStoreOptions) {
    this.#backend = backend;
    this.#options = options;
    this.budgetBytes = options.budgetBytes;
  }

  async read(keys: readonly string[]): Promise<(Pick<StoredValue, 'bytes' | 'gzip'> | undefined)[]> {
    await this.#open();
    const wanted = new Map<Pack, string[]>();
    for (const key of keys) {
      const pack = this.#places.get(key);
      if (pack === undefined) continue;
      const known = wanted.get(pack);
      if (known === undefined) wanted.set(pack, [key]);
      else known.push(key);
    }
    const found = new Map<string, Pick<StoredValue, 'bytes' | 'gzip'>>();
    for await (const values of mapAhead(wanted, AT_ONCE, ([pack, ofPack]) => this.#readPack(pack, ofPack)))
      for (const [key, value] of values) found.set(key, value);
    return keys.map((key) => found.get(key));
  }

  async known(keys: readonly string[]): Promise<Set<string>> {
    await this.#open();
    return new Set(keys.filter((key) => this.#places.has(key)));
  }

  async write(values: readonly StoredValue[]): Promise<void> {
    await this.#open();
    for (const datasetId of new Set(values.map((value) => value.datasetId))) {
      const own = values.filter((value) => value.datasetId === datasetId);
      const path = `${this.#options.folder}/${datasetId}/${this.#name()}.${EXTENSION}`;
      const file = packValues(own);
      await this.#put(path, file);
      this.#take(path, datasetId, file.length, (await readPackList(new Blob([file]))) ?? []);
    }
  }

  async forget(key: string): Promise<void> {
    await this.#open();
    const pack = this.#places.get(key);
    if (pack === undefined) return;
    this.#places.delete(key);
    pack.values.delete(key);
    if (pack.values.size === 0) await this.#remove(pack);
  }

  async sizes(): Promise<Map<string, ValueSize>> {
    await this.#open();
    const sizes = new Map<string, ValueSize>();
    for (const { datasetId, size, values } of this.#packs.values()) {
      const before = sizes.get(datasetId) ?? { values: 0, bytes: 0 };
      sizes.set(datasetId, { values: before.values + values.size, bytes: before.bytes + size });
    }
    return sizes;
  }

  async clear(datasetId: string | null): Promise<void> {
    await this.#open();
    for (const pack of [...this.#packs.values()])
      if (datasetId === null || pack.datasetId === datasetId) await this.#remove(pack);
  }

  /** Once; a failure is tried again. */
  #open(): Promise<void> {
    this.#lookedThrough ??= this.#lookThrough().catch((error: unknown) => {
      this.#lookedThrough = null;
      throw error;
    });
    return this.#lookedThrough;
  }

  async #lookThrough(): Promise<void> {
    const { folder } = this.#options;
    const files: BackendFile[] = [];
    for await (const file of this.#backend.list({ under: `${folder}/`, extensions: [EXTENSION] }))
      files.push(file);
    // Names begin with their time: of two packs with a value the later one has it.
    files.sort((a, b) => (nameOf(a.path) < nameOf(b.path) ? -1 : 1));
    const opened = mapAhead(files, AT_ONCE, async ({ path }) => {
      const file = await this.#backend.open(path);
      return { path, size: file?.size ?? 0, list: file === null ? null : await readPackList(file) };
    });
    for await (const { path, size, list } of opened) {
      const datasetId = path.split('/').at(-2) ?? '';
      if (list === null) await this.#backend.delete(path);
      else this.#take(path, datasetId, size, list);
    }
  }

  async #readPack(
    pack: Pack,
    keys: readonly string[],
  ): Promise<[string, Pick<StoredValue, 'bytes' | 'gzip'>][]> {
    const file = await this.#backend.open(pack.path);
    if (file === null) {
      // Another machine cleared it.
      this.#drop(pack);
      return [];
    }
    this.#packs.delete(pack.path);
    this.#packs.set(pack.path, pack);
    const places = keys.flatMap((key) => pack.values.get(key) ?? []);
    const start = Math.min(...places.map((place) => place.start));
    const bytes = await file.slice(start, Math.max(...places.map((place) => place.end))).arrayBuffer();
    return places.map((place) => [
      place.key,
      { bytes: bytes.slice(place.start - start, place.end - start), gzip: place.gzip },
    ]);
  }

  /** @throws AppError `storage.quota` where it alone is more than the place takes. */
  async #put(path: string, file: Uint8Array<ArrayBuffer>): Promise<void> {
    for (;;) {
      try {
        await this.#backend.write(path, file);
        return;
      } catch (error) {
        const [oldest] = this.#packs.values();
        if (!hasCode(error, 'storage.quota') || oldest === undefined) throw error;
        await this.#remove(oldest);
      }
    }
  }

  #take(path: string, datasetId: string, size: number, list: readonly PackedValue[]): void {
    const pack: Pack = { path, datasetId, size, values: new Map(list.map((value) => [value.key, value])) };
    for (const { key } of list) {
      this.#places.get(key)?.values.delete(key);
      this.#places.set(key, pack);
    }
    this.#packs.set(path, pack);
  }

  async #remove(pack: Pack): Promise<void> {
    this.#drop(pack);
    await this.#backend.delete(pack.path);
  }

  #drop(pack: Pack): void {
    this.#packs.delete(pack.path);
    for (const key of pack.values.keys()) if (this.#places.get(key) === pack) this.#places.delete(key);
  }

  #name(): string {
    return `${this.#options.now().toString(36).padStart(9, '0')}-${this.#options.createId()}`;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
