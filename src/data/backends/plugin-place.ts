// A place that a plugin brings, behind the contract of every backend: paths, filters of a listing, signals, closing and the
// refusal of writes are seen to here, so that a plugin lists its files and opens one. What it throws is told in its name.
import { AppError, messageOf } from '../../lib/errors';
import { RemoteFile } from '../../lib/download/remote-file';
import type { DatasetProblem } from '../../protocol/datasets';
import { readRows, type SourceFile } from '../reading/file-rows';
import type { RowEvent } from '../reading/row-event';
import type { ByteSource, TextReadOptions } from '../reading/text-reader';
import { isBackendPath } from './backend-path';
import type { BackendOptions } from './backend-options';
import type { BackendFile, DataBackend, RejectedRows } from './data-backend';
import { ReadOnlyBackend, type FileFinder } from './read-only-backend';

/** What a plugin's `open` gives. Whole `DataBackend`s are such places. */
export interface PluginPlace {
  describe(): { location: string };
  check(signal?: AbortSignal): Promise<void>;
  /** All of its files; which of them are shown is no business of the plugin. */
  list(options?: { signal?: AbortSignal }): AsyncIterable<BackendFile>;
  /** null where there is none. */
  open(path: string): Promise<ByteSource | null>;
  close(): Promise<void>;
  rows?(file: SourceFile, options: TextReadOptions): AsyncIterable<RowEvent>;
  problems?(): readonly DatasetProblem[];
  rejected?(): RejectedRows;
}

const CALLS = ['describe', 'check', 'list', 'open', 'close'] as const;
/** Codes that an error of a plugin may have: what a run or a build says about its data. */
const CODES = ['backend.unreachable', 'backend.denied', 'backend.missing'];

/** @throws AppError `factory.invalid` naming the calls that it lacks. */
export function openPluginPlace(place: object, { config }: Pick<BackendOptions, 'config'>): DataBackend {
  const type = String(config['type']);
  const missing = CALLS.filter((call) => typeof Reflect.get(place, call) !== 'function');
  if (missing.length > 0) {
    throw new AppError('factory.invalid', `The place "${type}" opened no data backend.`, {
      remedy: `It has to answer ${missing.join(', ')}.`,
      details: { type, missing },
    });
  }
  const found = place as PluginPlace;
  const { location } = found.describe();
  return new ReadOnlyBackend({ id: config.id, type, location }, new PluginFiles(found, location));
}

class PluginFiles implements FileFinder {
  readonly #place: PluginPlace;
  readonly #location: string;

  constructor(place: PluginPlace, location: string) {
    this.#place = place;
    this.#location = location;
  }

  check(signal: AbortSignal): Promise<void> {
    return this.#told(() => this.#place.check(signal));
  }

  /** A path that leads out of the place is none of its files. */
  async *list(signal: AbortSignal): AsyncGenerator<BackendFile> {
    try {
      for await (const { path, size, lastModified } of this.#place.list({ signal })) {
        if (typeof path !== 'string' || !isBackendPath(path)) continue;
        yield { path, size: numberOr(size), lastModified: numberOr(lastModified) };
      }
    } catch (error) {
      throw this.#explain(error);
    }
  }

  async find(path: string): Promise<Blob | null> {
    const source = await this.#told(() => this.#place.open(path));
    if (source === null) return null;
    return new RemoteFile(source.size, (start, end) =>
      this.#told(() => source.slice(start, end).arrayBuffer()),
    );
  }

  async has(path: string): Promise<boolean> {
    return (await this.find(path)) !== null;
  }

  async *rows(file: SourceFile, options: TextReadOptions): AsyncGenerator<RowEvent> {
    const read = this.#place.rows?.bind(this.#place) ?? readRows;
    try {
      yield* read(file, options);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  problems(): readonly DatasetProblem[] {
    return this.#place.problems?.() ?? [];
  }

  rejected(): RejectedRows {
    return this.#place.rejected?.() ?? {};
  }

  close(): Promise<void> {
    return this.#told(() => this.#place.close());
  }

  async #told<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.#explain(error);
    }
  }

  #explain(error: unknown): AppError {
    if (error instanceof AppError) return error as AppError;
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : null;
    return new AppError(
      CODES.find((known) => known === code) ?? 'backend.unreachable',
      `${this.#location}: ${messageOf(error)}`,
      { remedy: 'The plugin that brings this place says so. Try again.', cause: error },
    );
  }
}

function numberOr(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
