// A backend that can only be read, over something that finds files by path. It holds no file and no connection itself.
import type { DatasetProblem } from '../../protocol/datasets';
import type { SourceFile } from '../reading/file-rows';
import type { Row, RowEvent } from '../reading/row-event';
import type { ByteSource, TextReadOptions } from '../reading/text-reader';
import { cancelledError, closedError, readOnlyError, throwIfStopped } from './backend-errors';
import { ListFilter, parseBackendPath } from './backend-path';
import type { BackendDescription, BackendFile, DataBackend, ListOptions, RejectedRows } from './data-backend';
import { GuardedFile } from './guarded-file';

/** Errors are AppErrors of the contract already, or the signal's reason. */
export interface FileFinder {
  /** The root is there and can be listed. */
  check(signal: AbortSignal): Promise<void>;
  /** Each path once. */
  list(signal: AbortSignal): AsyncIterable<BackendFile>;
  /** null where there is none. Nothing is fetched before the file is read. */
  find(path: string, signal: AbortSignal): Promise<Blob | null>;
  /** Without fetching it. */
  has(path: string, signal: AbortSignal): Promise<boolean>;
  /** What could not be read so far. */
  problems?(): readonly DatasetProblem[];
  /** Rows that were passed over so far. */
  rejected?(): RejectedRows;
  close?(): Promise<void>;
  /** What its table tells about a file. */
  rowAbout?(path: string, signal: AbortSignal): Promise<Row | null>;
  /** How one of its files becomes rows. */
  rows(file: SourceFile, options: TextReadOptions): AsyncIterable<RowEvent>;
}

export class ReadOnlyBackend implements DataBackend {
  readonly #description: BackendDescription;
  readonly #finder: FileFinder;
  readonly #end = new AbortController();

  constructor(description: Omit<BackendDescription, 'writable'>, finder: FileFinder) {
    this.#description = { ...description, writable: false };
    this.#finder = finder;
  }

  describe(): BackendDescription {
    return { ...this.#description };
  }

  check(signal?: AbortSignal): Promise<void> {
    return this.#settle((end) => this.#finder.check(end), signal);
  }

  async *list(options: ListOptions = {}): AsyncGenerator<BackendFile> {
    const filter = new ListFilter(options);
    const signal = this.#both(options.signal);
    this.#requireOpen(options.signal);
    try {
      for await (const file of this.#finder.list(signal)) {
        this.#requireOpen(options.signal);
        if (filter.showsWhole(file.path)) yield file;
      }
    } catch (error) {
      throw this.#explain(error, options.signal);
    }
  }

  exists(path: string): Promise<boolean> {
    return this.#settle((end) => {
      parseBackendPath(path);
      return this.#finder.has(path, end);
    });
  }

  async read(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
    return (await this.#find(path))?.bytes() ?? null;
  }

  open(path: string): Promise<ByteSource | null> {
    return this.#find(path);
  }

  async openStream(
    path: string,
    signal?: AbortSignal,
  ): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null> {
    throwIfStopped(signal);
    return (await this.#find(path, signal))?.stream(signal) ?? null;
  }

  rows(file: SourceFile, options: TextReadOptions): AsyncIterable<RowEvent> {
    return this.#finder.rows(file, options);
  }

  rowAbout(path: string): Promise<Row | null> {
    return this.#settle((end) => this.#finder.rowAbout?.(path, end) ?? Promise.resolve(null));
  }

  problems(): readonly DatasetProblem[] {
    return this.#finder.problems?.() ?? [];
  }

  rejected(): RejectedRows {
    return this.#finder.rejected?.() ?? {};
  }

  write(path: string): Promise<void> {
    return this.#refuse(path);
  }

  async writeBatch(files: Iterable<readonly [string, Uint8Array<ArrayBuffer>]>): Promise<void> {
    for (const [path] of files) await this.#refuse(path);
  }

  delete(path: string): Promise<void> {
    return this.#refuse(path);
  }

  async close(): Promise<void> {
    if (this.#end.signal.aborted) return;
    this.#end.abort();
    await this.#finder.close?.();
  }

  #find(path: string, signal?: AbortSignal): Promise<GuardedFile | null> {
    return this.#settle(async (end) => {
      parseBackendPath(path);
      const file = await this.#finder.find(path, end);
      return file === null ? null : new GuardedFile(file, (error) => this.#explain(error, signal));
    }, signal);
  }

  #refuse(path: string): Promise<never> {
    return this.#settle(() => {
      parseBackendPath(path);
      return Promise.reject(readOnlyError(this.#description.location, path));
    });
  }

  async #settle<T>(call: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.#requireOpen(signal);
    try {
      return await call(this.#both(signal));
    } catch (error) {
      throw this.#explain(error, signal);
    }
  }

  #requireOpen(signal: AbortSignal | undefined): void {
    if (this.#end.signal.aborted) throw closedError(this.#description.location);
    throwIfStopped(signal);
  }

  #both(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#end.signal : AbortSignal.any([signal, this.#end.signal]);
  }

  /** What a signal ended is told as what it was. */
  #explain(error: unknown, signal: AbortSignal | undefined): Error {
    if (signal?.aborted === true) return cancelledError();
    if (this.#end.signal.aborted) return closedError(this.#description.location);
    return error instanceof Error ? error : new Error(String(error));
  }
}
