// What a backend shows before anything is built of it: that it can be reached, some of its files, its first rows.
import type { BackendPreview } from '../../protocol/backends';
import type { BackendFile, DataBackend } from '../backends/data-backend';
import { columnsOf } from '../formats/detect-format';
import type { Row } from '../reading/row-event';
import type { BuildSettings } from './build-settings';
import { extractRows } from './extract-rows';
import { extractionOf } from './extraction-of';

/** Files that are looked at: enough to tell, also where there are a hundred thousand. */
const MOST_FILES = 1000;
const MOST_ROWS = 5;

/** @throws AppError as the backend's calls, and as reading the first file. */
export async function previewBackend(
  source: DataBackend,
  settings: BuildSettings,
  signal?: AbortSignal,
): Promise<BackendPreview> {
  await source.check(signal);
  const { files, more } = await firstFiles(source, settings, signal);
  const [first] = files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const rows = first === undefined ? [] : await firstRows(source, settings, first.path, signal);
  return { location: source.describe().location, files: files.length, more, rows, columns: columnsOf(rows) };
}

/** Enough of them to tell. */
export async function firstFiles(
  source: DataBackend,
  { extensions, isSample }: Pick<BuildSettings, 'extensions' | 'isSample'>,
  signal: AbortSignal | undefined,
): Promise<{ files: BackendFile[]; more: boolean }> {
  const files: BackendFile[] = [];
  for await (const file of source.list({ extensions, signal })) {
    if (files.length === MOST_FILES) return { files, more: true };
    if (isSample(file.path)) files.push(file);
  }
  return { files, more: false };
}

async function firstRows(
  source: DataBackend,
  settings: BuildSettings,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Row[]> {
  const blob = await source.open(path);
  if (blob === null) return [];
  const rows: Row[] = [];
  const extraction = extractionOf(source, settings, () => undefined);
  for await (const event of extractRows({ name: path, blob }, extraction, { signal })) {
    if (event.kind === 'row') rows.push(event.row);
    if (rows.length === MOST_ROWS) break;
  }
  return rows;
}
