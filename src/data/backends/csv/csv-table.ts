// A table of addresses: where it lies, which columns it has, and the address of each row under the name of its file. Of two
// rows with one address the last one counts. The list is held in memory, the table is not.
import { createSHA256 } from 'hash-wasm';
import { AppError } from '../../../lib/errors';
import { patientFetch } from '../../../lib/download/patient-fetch';
import { ProblemLog } from '../../importing/problem-log';
import { PICTURE_EXTENSIONS } from '../../images/picture-types';
import { readCsvRows } from '../../reading/csv-rows';
import type { Row } from '../../reading/row-event';
import { readText, type ByteSource } from '../../reading/text-reader';
import type { BackendOptions } from '../backend-options';
import type { RejectedRows } from '../data-backend';
import { createLocalBackend } from '../local-backend';
import { asBackendError } from '../network-errors';
import { DEFAULT_URL_COLUMN, isAddress, shownAddress, type CsvSettings } from './csv-settings';

export interface CsvEntry {
  url: string;
  caption: string;
  /** Of the table. */
  line: number;
}

export interface CsvTable {
  source: ByteSource;
  /** By the name of its file, in the order of the names; null where the table has texts and no addresses. */
  entries: ReadonlyMap<string, CsvEntry> | null;
  problems: ProblemLog;
  /** Its rows that name no file, by reason. */
  rejected: RejectedRows;
}

/** Endings of documents and pictures, which are read as such; everything else is plain text. */
const DOCUMENTS = ['md', 'html', 'htm', 'docx', 'pdf', ...PICTURE_EXTENSIONS];

/** @throws AppError `backend.*`, `config.invalid` for columns that are not there, as `readText`; the signal's reason. */
export async function readCsvTable(
  settings: CsvSettings,
  options: BackendOptions,
  signal: AbortSignal,
): Promise<CsvTable> {
  const source = isAddress(settings.file)
    ? await fetchTable(settings.file, options, signal)
    : await findTable(settings, options);
  const problems = new ProblemLog();
  const entries = new Map<string, CsvEntry>();
  const hash = await createSHA256();
  let withAddresses: boolean | null = null;
  let repeated = 0;
  for await (const event of readCsvRows(readText(source, tableName(settings), { signal }))) {
    if (event.kind === 'bad') {
      const { line, excerpt, message } = event;
      problems.add({ code: 'dataset.bad-line', file: tableName(settings), line, excerpt, message });
      continue;
    }
    withAddresses ??= hasAddresses(event.row, settings);
    if (!withAddresses) return { source, entries: null, problems, rejected: {} };
    const entry = entryOf(event.row, event.line, settings);
    if (entry.url === '') {
      problems.add(noAddress(settings, event.line));
      continue;
    }
    const name = fileName(hash.init().update(entry.url).digest('hex'), entry.url);
    if (entries.has(name)) repeated += 1;
    entries.set(name, entry);
  }
  if (withAddresses === null && problems.total === 0) throw emptyTable(settings);
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return { source, entries: new Map(sorted), problems, rejected: rejectedBy(problems, repeated) };
}

function rejectedBy({ counts }: ProblemLog, repeated: number): RejectedRows {
  return {
    metadata_missing: counts['dataset.missing-fields'] ?? 0,
    already_exists: repeated,
    other: counts['dataset.bad-line'] ?? 0,
  };
}

/** For messages, and as the name of the file where the table itself has the texts. */
export function tableName({ file }: CsvSettings): string {
  const path = isAddress(file) ? decodeURIComponent(new URL(file).pathname) : file;
  const name = path.slice(path.lastIndexOf('/') + 1);
  return /\.(csv|tsv)$/i.test(name) ? name : `${name === '' ? 'table' : name}.csv`;
}

function hasAddresses(row: Row, { id, captionColumn, urlColumn }: CsvSettings): boolean {
  const columns = Object.keys(row);
  const lacking = (column: string): AppError =>
    new AppError('config.invalid', `The table of backend "${id}" has no column "${column}".`, {
      remedy: `Its columns are ${columns.join(', ')}.`,
      details: { id, columns },
    });
  if (!columns.includes(captionColumn)) throw lacking(captionColumn);
  if (columns.includes(urlColumn)) return true;
  if (urlColumn !== DEFAULT_URL_COLUMN) throw lacking(urlColumn);
  return false;
}

function entryOf(row: Row, line: number, { captionColumn, urlColumn }: CsvSettings): CsvEntry {
  const text = (column: string): string => {
    const value = row[column];
    return typeof value === 'string' ? value.trim() : '';
  };
  return { url: text(urlColumn), caption: text(captionColumn), line };
}

function fileName(hex: string, url: string): string {
  const ending = URL.canParse(url) ? (new URL(url).pathname.toLowerCase().split('.').pop() ?? '') : '';
  return `${hex}.${DOCUMENTS.includes(ending) ? ending : 'txt'}`;
}

async function fetchTable(url: string, options: BackendOptions, signal: AbortSignal): Promise<ByteSource> {
  const shown = shownAddress(url);
  try {
    const response = await patientFetch(url, {}, options, signal);
    if (response.ok) return await response.blob();
    await response.body?.cancel().catch(() => undefined);
    throw refusedTable(shown, response.status);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof AppError) throw asBackendError(error);
    throw new AppError('backend.unreachable', `The connection for ${shown} broke off.`, {
      remedy: 'Try again.',
      cause: error,
    });
  }
}

function refusedTable(shown: string, status: number): AppError {
  const code =
    status === 401 || status === 403
      ? 'backend.denied'
      : status === 404 || status === 410
        ? 'backend.missing'
        : 'backend.unreachable';
  return new AppError(code, `The table ${shown} cannot be had: the answer is ${status}.`, {
    remedy: 'Check the address; it must be readable without signing in, for pages of other sites too (CORS).',
    details: { status },
  });
}

async function findTable({ file }: CsvSettings, options: BackendOptions): Promise<ByteSource> {
  const folder = createLocalBackend(options);
  const found = await folder.open(file);
  if (found !== null) return found;
  throw new AppError('backend.missing', `There is no ${file} in ${folder.describe().location}.`, {
    remedy: 'Choose the folder that it lies in, or write its path from there on.',
    details: { file },
  });
}

function emptyTable(settings: CsvSettings): AppError {
  return new AppError('backend.missing', `${tableName(settings)} has no rows.`, {
    remedy: 'The first line names the columns; put a line below it for each address.',
  });
}

function noAddress(settings: CsvSettings, line: number): Parameters<ProblemLog['add']>[0] {
  const message = `The column "${settings.urlColumn}" is empty.`;
  return { code: 'dataset.missing-fields', file: tableName(settings), line, excerpt: '', message };
}
