// A table of addresses as a backend: each row names one, and what lies there is a file under the hash of its address. Without
// addresses the table is the only file and its captions are the texts. Files are fetched when they are opened, a few ahead of
// a reader that takes them in order.
import { AppError, messageOf } from '../../lib/errors';
import { RemoteFile } from '../../lib/download/remote-file';
import type { DatasetProblem } from '../../protocol/datasets';
import { ProblemLog } from '../importing/problem-log';
import { readDocumentText } from '../reading/document-text';
import { fileTypeOf, readRows, type SourceFile } from '../reading/file-rows';
import type { Row, RowEvent } from '../reading/row-event';
import { readText, type TextReadOptions } from '../reading/text-reader';
import type { BackendOptions } from './backend-options';
import type { BackendFile, DataBackend, RejectedRows } from './data-backend';
import { parseCsvSettings, shownAddress, type CsvSettings } from './csv/csv-settings';
import { readCsvTable, tableName, type CsvEntry, type CsvTable } from './csv/csv-table';
import { DownloadCache } from './csv/download-cache';
import { fetchAddress } from './csv/fetch-address';
import { MOST_FAILURES, Quarantine, type Failure } from './csv/quarantine';
import { ReadOnlyBackend, type FileFinder } from './read-only-backend';

export interface CsvOptions extends BackendOptions {
  /** Of what the addresses gave. */
  cacheBytes?: number;
  /** The longest file that is fetched. */
  fileBytes?: number;
}

const CACHE_BYTES = 512 * 2 ** 20;
const FILE_BYTES = 64 * 2 ** 20;
const AHEAD = 4;

/** @throws AppError `config.invalid`. */
export function createCsvBackend(options: CsvOptions): DataBackend {
  const settings = parseCsvSettings(options.config);
  const location = shownAddress(settings.file);
  return new ReadOnlyBackend({ id: settings.id, type: 'csv', location }, new CsvFiles(settings, options));
}

interface Opened {
  table: CsvTable;
  /** Names in the order in which they are listed. */
  names: readonly string[];
  places: ReadonlyMap<string, number>;
  cache: DownloadCache;
  quarantine: Quarantine;
}

class CsvFiles implements FileFinder {
  readonly #settings: CsvSettings;
  readonly #options: CsvOptions;
  readonly #end = new AbortController();
  readonly #failed = new ProblemLog();
  /** What failed since it was opened is not asked for again. */
  readonly #bad = new Set<string>();
  /** Downloads that nobody has taken yet, by name. */
  readonly #underWay = new Map<string, Promise<Blob | null>>();
  #opening: Promise<Opened> | null = null;
  #rejected: RejectedRows = {};
  #last = -1;

  constructor(settings: CsvSettings, options: CsvOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#open(signal);
  }

  async *list(signal: AbortSignal): AsyncGenerator<BackendFile> {
    const { table, names, cache } = await this.#open(signal);
    for (const path of names) {
      const size = table.entries === null ? table.source.size : cache.sizeOf(path);
      yield { path, size, lastModified: null };
    }
  }

  async has(path: string, signal: AbortSignal): Promise<boolean> {
    return (await this.#open(signal)).places.has(path);
  }

  /** null where there is no such row, or what it names cannot be had: `problems` tells why. */
  async find(path: string, signal: AbortSignal): Promise<Blob | null> {
    const opened = await this.#open(signal);
    const at = opened.places.get(path);
    if (at === undefined) return null;
    const { source, entries } = opened.table;
    if (entries === null)
      return new RemoteFile(source.size, (start, end) => source.slice(start, end).arrayBuffer());
    const found = this.#download(opened, at);
    if (at === this.#last + 1)
      for (let next = at + 1; next <= at + AHEAD; next++) void this.#download(opened, next);
    this.#last = at;
    return abortable(found, signal).finally(() => this.#underWay.delete(path));
  }

  /** One row a file: its caption, if there is one, stands above the text. Of a table without addresses: its rows. */
  async *rows(file: SourceFile, options: TextReadOptions): AsyncGenerator<RowEvent> {
    const { table } = await this.#open(options.signal ?? this.#end.signal);
    const entry = table.entries?.get(file.name);
    if (entry === undefined) yield* readRows(file, options);
    else yield await this.#rowOf(file, entry, options);
  }

  async rowAbout(path: string, signal: AbortSignal): Promise<Row | null> {
    const entry = (await this.#open(signal)).table.entries?.get(path);
    return entry === undefined ? null : { [this.#settings.captionColumn]: entry.caption };
  }

  problems(): readonly DatasetProblem[] {
    return this.#failed.problems;
  }

  rejected(): RejectedRows {
    return this.#rejected;
  }

  async close(): Promise<void> {
    this.#end.abort();
    const opened = await this.#opening?.catch(() => null);
    await Promise.allSettled(this.#underWay.values());
    await opened?.cache.save();
    await opened?.quarantine.save();
  }

  async #rowOf(
    file: SourceFile,
    { caption, line, url }: CsvEntry,
    options: TextReadOptions,
  ): Promise<RowEvent> {
    try {
      const text = await wholeText(file, options);
      const parts = [caption, text.trim()].filter((part) => part !== '');
      return { kind: 'row', row: { [this.#settings.captionColumn]: parts.join('\n\n') }, line };
    } catch (error) {
      // What is no text is that file's trouble; the others are read.
      if (!(error instanceof AppError) || error.code === 'rpc.cancelled') throw error;
      return { kind: 'bad', line, excerpt: shownAddress(url), message: error.message };
    }
  }

  #open(signal: AbortSignal): Promise<Opened> {
    this.#opening ??= this.#load().catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return abortable(this.#opening, signal);
  }

  async #load(): Promise<Opened> {
    const { blobs, clock, cacheBytes = CACHE_BYTES } = this.#options;
    const { cacheFolder: folder } = this.#settings;
    const table = await readCsvTable(this.#settings, this.#options, this.#end.signal);
    for (const problem of table.problems.problems) this.#failed.add(problem);
    this.#rejected = table.rejected;
    const [cache, quarantine] = await Promise.all([
      DownloadCache.open({ blobs, folder, budgetBytes: cacheBytes, now: clock.now }),
      Quarantine.open(blobs, folder, clock.now),
    ]);
    const names = table.entries === null ? [tableName(this.#settings)] : [...table.entries.keys()];
    const places = new Map(names.map((name, at) => [name, at]));
    return { table, names, places, cache, quarantine };
  }

  /** Of the file at that place of the list; null where it cannot be had. One at a time of each. */
  #download(opened: Opened, at: number): Promise<Blob | null> {
    const name = opened.names[at];
    const entry = name === undefined ? undefined : opened.table.entries?.get(name);
    if (name === undefined || entry === undefined) return Promise.resolve(null);
    const known = this.#underWay.get(name);
    if (known !== undefined) return known;
    const download = this.#fetch(opened, name, entry);
    download.catch(() => undefined);
    this.#underWay.set(name, download);
    return download;
  }

  async #fetch({ cache, quarantine }: Opened, name: string, entry: CsvEntry): Promise<Blob | null> {
    if (this.#bad.has(name)) return null;
    const kept = await cache.get(name);
    if (kept !== null) return kept;
    const against = quarantine.reasonAgainst(name);
    if (against !== null) return this.#tell(name, entry, against);
    try {
      const { fileBytes = FILE_BYTES } = this.#options;
      const blob = await fetchAddress(entry.url, fileBytes, this.#options, this.#end.signal);
      quarantine.release(name);
      await cache.put(name, blob);
      return blob;
    } catch (error) {
      this.#end.signal.throwIfAborted();
      return this.#tell(name, entry, quarantine.add(name, messageOf(error)));
    }
  }

  #tell(name: string, { line, url }: CsvEntry, { reason, failures }: Failure): null {
    this.#bad.add(name);
    const after = failures < MOST_FAILURES ? '' : ` It failed ${failures} times and is left alone for a day.`;
    const message = `${reason}${after}`;
    const file = tableName(this.#settings);
    this.#failed.add({ code: 'backend.unreachable', file, line, excerpt: shownAddress(url), message });
    return null;
  }
}

async function wholeText({ name, blob }: SourceFile, options: TextReadOptions): Promise<string> {
  const type = fileTypeOf(name);
  const isDocument = type === 'html' || type === 'docx' || type === 'pdf';
  const pieces = isDocument ? readDocumentText(type, blob, name, options) : readText(blob, name, options);
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

/** The work goes on for others who wait for it. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}
