// A place that data lies in, whatever it is: a folder, a bucket, a table behind addresses, a dataset of a hub, memory. All
// calls are asynchronous and listings come piece by piece. What a place cannot do it says by an error, not by doing nothing.
import type { DatasetProblem } from '../../protocol/datasets';
import type { FilterReason } from '../metadata/filtering-statistics';
import type { SourceFile } from '../reading/file-rows';
import type { Row, RowEvent } from '../reading/row-event';
import type { ByteSource, TextReadOptions } from '../reading/text-reader';

export interface BackendFile {
  /** Below the backend's root, parts divided by `/`, no leading one. */
  path: string;
  /** Bytes; null where the place tells only on opening. */
  size: number | null;
  /** Milliseconds since 1970; null where unknown. */
  lastModified: number | null;
}

/** What is told of a backend outside its worker: no credential and no handle. */
export interface BackendDescription {
  id: string;
  type: string;
  /** For people: a folder's name, `s3://bucket/prefix`, an address without its query. */
  location: string;
  writable: boolean;
}

export type RejectedRows = Readonly<Partial<Record<FilterReason, number>>>;

export interface ListOptions {
  /** Names of folders, or the beginning of them: `''` is everything. */
  under?: string;
  /** Without the dot, whatever their case; none means all. */
  extensions?: readonly string[];
  signal?: AbortSignal | undefined;
}

/**
 * Errors of every implementation: AppError `backend.unreachable` (network, gone), `backend.denied` (permission, credentials),
 * `backend.missing` (the root is not there), `backend.read-only`, `rpc.cancelled`. None names a credential.
 */
export interface DataBackend {
  describe(): BackendDescription;
  /** The root can be reached and listed. */
  check(signal?: AbortSignal): Promise<void>;
  /** As they are found: the first arrive before the last are known. No order is promised. */
  list(options?: ListOptions): AsyncIterable<BackendFile>;
  exists(path: string): Promise<boolean>;
  /** null where there is none. */
  read(path: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** For reading in parts; null where there is none. */
  open(path: string): Promise<ByteSource | null>;
  /** From the first byte to the last; null where there is none. */
  openStream(path: string, signal?: AbortSignal): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | null>;
  /** How one of its files becomes rows, where that is another way than by its name. */
  rows?(file: SourceFile, options: TextReadOptions): AsyncIterable<RowEvent>;
  /** What its own table tells about one of its files; null where there is none. */
  rowAbout?(path: string): Promise<Row | null>;
  /** What could not be read of it since it was opened, for the report of a build. */
  problems?(): readonly DatasetProblem[];
  /** Rows that its own filter or its table left out since it was opened, by reason. */
  rejected?(): RejectedRows;
  /** All or nothing of one file: nobody reads half of it. */
  write(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Several files; the first error is thrown once all have been tried. */
  writeBatch(files: Iterable<readonly [path: string, bytes: Uint8Array<ArrayBuffer>]>): Promise<void>;
  /** A missing file is no error. */
  delete(path: string): Promise<void>;
  /** Nothing is read afterwards. */
  close(): Promise<void>;
}
