// Parquet tables as rows, by hyparquet: the footer first, then one row group after the other, or some rows of a large one, so
// that memory stays bounded by what a group holds. Values become what JSON knows; columns of bytes are left out.
import type { FileMetaData } from 'hyparquet';
import { AppError, messageOf } from '../../lib/errors';
import type { Row, RowEvent } from './row-event';
import { throwIfCancelled, type ByteSource, type TextReadOptions } from './text-reader';

/** Unpacked bytes that are read at once. */
const STEP_BYTES = 32 << 20;

/** @throws AppError `import.invalid` where the file is no Parquet table or is damaged, `rpc.cancelled`. */
export async function* readParquetRows(
  source: ByteSource,
  fileName: string,
  { signal, onBytes }: Pick<TextReadOptions, 'signal' | 'onBytes'> = {},
  stepBytes = STEP_BYTES,
): AsyncGenerator<RowEvent> {
  const table = await openTable(source, fileName);
  for (const { start, end } of stepsOf(table.metadata, stepBytes)) {
    throwIfCancelled(signal);
    let line = start;
    for (const row of await table.read(start, end)) {
      line += 1;
      yield { kind: 'row', row: plainRow(row), line };
    }
    onBytes?.(Math.round((source.size * end) / Math.max(1, Number(table.metadata.num_rows))));
  }
}

interface Table {
  metadata: FileMetaData;
  read(rowStart: number, rowEnd: number): Promise<Row[]>;
}

/** The libraries are fetched when the first table is read. */
async function openTable(source: ByteSource, fileName: string): Promise<Table> {
  const [{ parquetMetadataAsync, parquetReadObjects }, { compressors }] = await Promise.all([
    import('hyparquet'),
    import('hyparquet-compressors'),
  ]);
  const file = {
    byteLength: source.size,
    slice: (start: number, end = source.size) => source.slice(start, end).arrayBuffer(),
  };
  const reading = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (cause) {
      throw damaged(fileName, cause);
    }
  };
  const metadata = await reading(parquetMetadataAsync(file));
  return {
    metadata,
    read: (rowStart, rowEnd) =>
      reading(
        parquetReadObjects({
          file,
          metadata,
          compressors,
          rowStart,
          rowEnd,
          useOffsetIndex: true,
        }) as Promise<Row[]>,
      ),
  };
}

function damaged(fileName: string, cause: unknown): AppError {
  return new AppError(
    'import.invalid',
    `${fileName} cannot be read as a Parquet table: ${messageOf(cause)}.`,
    {
      remedy: 'Download or write the file again; it may have been cut off.',
      details: { fileName },
      cause,
    },
  );
}

/** Ranges of rows, none across two groups. */
function* stepsOf(
  { row_groups: groups }: FileMetaData,
  stepBytes: number,
): Generator<{ start: number; end: number }, void> {
  let first = 0;
  for (const { num_rows: count, total_byte_size: bytes } of groups) {
    const rows = Number(count);
    const step = Math.max(1, Math.floor((rows * stepBytes) / Math.max(1, Number(bytes))));
    for (let start = 0; start < rows; start += step) {
      yield { start: first + start, end: first + Math.min(start + step, rows) };
    }
    first += rows;
  }
}

function plainRow(row: Row): Row {
  const entries = Object.entries(row).filter(([, value]) => !ArrayBuffer.isView(value));
  return Object.fromEntries(entries.map(([name, value]) => [name, plain(value)]));
}

/** Whole numbers beyond what JSON's can hold become text, times become ISO 8601. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  }
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value ?? null;
  return plainRow(value as Row);
}
