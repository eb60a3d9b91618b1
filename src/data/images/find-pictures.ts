// The pictures of a backend one after the other, with what its tables say about each: files by their paths, or values in the
// rows of tables. A few files are fetched ahead of the reader; no more than that is in memory.
import { mapAhead } from '../../lib/async/map-ahead';
import { AppError } from '../../lib/errors';
import type { DataBackend } from '../backends/data-backend';
import type { FilterReason } from '../metadata/filtering-statistics';
import type { MetadataTable } from '../metadata/metadata-table';
import { readRows } from '../reading/file-rows';
import type { Row } from '../reading/row-event';
import type { ByteSource } from '../reading/text-reader';
import { MOST_PICTURE_BYTES } from './picture-header';
import type { Size } from './picture-size';

export interface FoundPicture {
  path: string;
  /** In its table; null where it is a file. */
  line: number | null;
  content:
    { bytes: Uint8Array<ArrayBuffer> } | { gone: true } | { broken: string } | { leftOut: FilterReason };
  row: Row | null;
}

export interface PicturePlaces {
  /** Of the files, or of the tables. */
  paths: readonly string[];
  /** Of rows; null where pictures are files. */
  column: string | null;
  table: MetadataTable | null;
  /** Why a picture of that size is left out; null where it is not. One whose size the table tells is not fetched then. */
  leftOut: (path: string, size: Size) => FilterReason | null;
}

const FILES_AHEAD = 4;

/** @throws AppError as the backend's calls; `config.invalid` for a column that is not there. */
export function findPictures(
  source: DataBackend,
  { paths, column, table, leftOut }: PicturePlaces,
  signal?: AbortSignal,
): AsyncGenerator<FoundPicture> {
  if (column !== null) return picturesInRows(source, paths, column, signal);
  return mapAhead(paths, FILES_AHEAD, async (path) => {
    const size = table?.sizeOf(path) ?? null;
    const reason = size === null ? null : leftOut(path, size);
    return {
      path,
      line: null,
      content: reason === null ? await fileContent(source, path) : { leftOut: reason },
      row: table?.rowOf(path) ?? (await source.rowAbout?.(path)) ?? null,
    };
  });
}

/** What went away since it was listed is gone; what a place refuses is the place's trouble. */
async function fileContent(source: DataBackend, path: string): Promise<FoundPicture['content']> {
  try {
    const file = await source.open(path);
    return file === null ? { gone: true } : await wholeFile(file);
  } catch (error) {
    if (error instanceof AppError && error.code === 'backend.missing') return { gone: true };
    throw error;
  }
}

async function wholeFile(file: ByteSource): Promise<FoundPicture['content']> {
  if (file.size > MOST_PICTURE_BYTES) return { broken: tooLarge(file.size) };
  return { bytes: new Uint8Array(await file.slice(0, file.size).arrayBuffer()) };
}

/** They are called by their number in all of the tables: `{index}.jpg`, whatever they are. */
async function* picturesInRows(
  source: DataBackend,
  paths: readonly string[],
  column: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<FoundPicture> {
  const read = source.rows?.bind(source) ?? readRows;
  let index = 0;
  for (const name of paths) {
    const blob = await source.open(name);
    if (blob === null) continue;
    for await (const event of read({ name, blob }, { signal })) {
      if (event.kind === 'bad') continue;
      const { [column]: value, ...row } = event.row;
      if (value === undefined) throw lackingColumn(name, column, Object.keys(row));
      yield { path: `${index}.jpg`, line: event.line, content: valueContent(value), row };
      index += 1;
    }
  }
}

function valueContent(value: unknown): FoundPicture['content'] {
  const bytes = typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes : value;
  if (!(bytes instanceof Uint8Array)) return { broken: 'has no picture in its row.' };
  if (bytes.length > MOST_PICTURE_BYTES) return { broken: tooLarge(bytes.length) };
  // A copy: rows share the memory of their table.
  return { bytes: new Uint8Array(bytes) };
}

function tooLarge(bytes: number): string {
  const [size, most] = [bytes, MOST_PICTURE_BYTES].map((count) => Math.round(count / 2 ** 20));
  return `has ${size} MiB, more than the ${most} MiB that one picture may have.`;
}

function lackingColumn(name: string, column: string, columns: string[]): AppError {
  return new AppError('config.invalid', `${name} has no column "${column}" with pictures.`, {
    remedy: `Set image_column. Other columns that are read: ${columns.join(', ') || 'none'}.`,
    details: { name, column },
  });
}
