// Files in memory, up to a budget of bytes: for caches of a session and for tests. It ends with its realm. Bytes are copied in
// and out, so what callers do with theirs does not show.
import { AppError } from '../../lib/errors';
import { closedError, throwIfStopped } from './backend-errors';
import type { BackendOptions } from './backend-options';
import { ListFilter, parseBackendPath } from './backend-path';
import type { BackendDescription, BackendFile, DataBackend, ListOptions } from './data-backend';
import type { ByteSource } from '../reading/text-reader';
import { writeAll } from './write-all';

const DEFAULT_BUDGET_BYTES = 256 * 2 ** 20;

export interface MemoryBackendOptions {
  id: string;
  budgetBytes?: number;
  /** Milliseconds since the epoch. */
  now: () => number;
}

export function createMemoryBackend({ config, clock }: BackendOptions): DataBackend {
  const megabytes = config['memory_budget_mb'];
  const budget = typeof megabytes === 'number' ? { budgetBytes: megabytes * 2 ** 20 } : {};
  return new MemoryBackend({ id: config.id, now: clock.now, ...budget });
}

export class MemoryBackend implements DataBackend {
  readonly #id: string;
  readonly #budgetBytes: number;
  readonly #now: () => number;
  readonly #files = new Map<string, { blob: Blob; writtenAt: number }>();
  #usedBytes = 0;
  #closed = false;

  constructor({ id, budgetBytes = DEFAULT_BUDGET_BYTES, now }: MemoryBackendOptions) {
    this.#id = id;
    this.#budgetBytes = budgetBytes;
    this.#now = now;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  describe(): BackendDescription {
    return { id: this.#id, type: 'memory', location: this.#location, writable: true };
  }

  check(signal?: AbortSignal): Promise<void> {
    return this.#settle(() => throwIfStopped(signal));
  }

  async *list(options: ListOptions = {}): AsyncGenerator<BackendFile> {
    await this.check(options.signal);
    const filter = new ListFilter(options);
    for (const [path, { blob, writtenAt }] of this.#files) {
      throwIfStopped(options.signal);
      if (filter.showsWhole(path)) yield { path, size: blob.size, lastModified: writtenAt };
    }
  }

  async exists(path: string): Promise<boolean> {
    return (await this.#find(path)) !== null;
  }

  async read(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const blob = await this.#find(path);
    return blob === null ? null : new Uint8Array(await blob.arrayBuffer());
  }

  open(path: string): Promise<ByteSource | null> {
    return this.#find(path);
  }

  async openStream(
    path: string,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null> {
    throwIfStopped(signal);
    return (await this.#find(path))?.stream() ?? null;
  }

  /** @throws AppError `storage.quota` where the budget is too small; what was there stays. */
  write(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#settle(() => {
      parseBackendPath(path);
      const before = this.#files.get(path)?.blob.size ?? 0;
      const usedBytes = this.#usedBytes - before + bytes.byteLength;
      if (usedBytes > this.#budgetBytes) throw this.#overBudget(path, bytes.byteLength, before);
      this.#usedBytes = usedBytes;
      this.#files.set(path, { blob: new Blob([bytes]), writtenAt: this.#now() });
    });
  }

  async writeBatch(files: Iterable<readonly [string, Uint8Array<ArrayBuffer>]>): Promise<void> {
    await writeAll(this, files);
  }

  delete(path: string): Promise<void> {
    return this.#settle(() => {
      parseBackendPath(path);
      this.#usedBytes -= this.#files.get(path)?.blob.size ?? 0;
      this.#files.delete(path);
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#files.clear();
    this.#usedBytes = 0;
    return Promise.resolve();
  }

  get #location(): string {
    return `memory of this tab (${this.#id})`;
  }

  #find(path: string): Promise<Blob | null> {
    return this.#settle(() => {
      parseBackendPath(path);
      return this.#files.get(path)?.blob ?? null;
    });
  }

  /** Misuse rejects, as elsewhere, instead of throwing at the call. */
  #settle<T>(call: () => T): Promise<T> {
    return Promise.resolve().then(() => {
      if (this.#closed) throw closedError(this.#location);
      return call();
    });
  }

  #overBudget(path: string, neededBytes: number, before: number): AppError {
    const freeBytes = this.#budgetBytes - this.#usedBytes + before;
    return new AppError(
      'storage.quota',
      `"${path}" needs ${neededBytes} bytes; ${freeBytes} of the ${this.#budgetBytes} bytes for ${this.#id} are free.`,
      {
        details: { path, neededBytes, freeBytes, budgetBytes: this.#budgetBytes },
        remedy: 'Give this memory a larger budget, or keep the data in a folder or a bucket.',
      },
    );
  }
}
