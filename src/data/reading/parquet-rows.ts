// Parquet tables as rows: one row group after the other, or some rows of a large one, so that memory stays bounded by what a
// group holds. Of a table that is far away only the columns that are wanted are fetched, and of them only what a filter leaves.
// Values become what JSON knows; columns of bytes are left out but for one that is asked for.
import { AppError } from '../../lib/errors';
import { ParquetTable, type NumberedRow, type ParquetQueryFilter, type RowRange } from './parquet-table';
import type { Row, RowEvent } from './row-event';
import { throwIfCancelled, type ByteSource, type TextReadOptions } from './text-reader';

/** Unpacked bytes that are read at once. */
const STEP_BYTES = 32 << 20;

/** Which rows are taken. Its own columns are read first, the others where some row passed. */
export interface RowFilter {
  /** Of the first level. */
  columns: readonly string[];
  /** What every row that passes satisfies: groups whose statistics contradict it are not fetched. null prunes nothing. */
  prune: ParquetQueryFilter | null;
  /** @param row the filter's columns, as JSON knows their values. */
  passes: (row: Row) => boolean;
}

export interface ParquetReadOptions extends Pick<TextReadOptions, 'signal' | 'onBytes'> {
  /** Of the first level; those that the table lacks are left out. Absent: all but those of pictures and sounds. */
  columns?: readonly string[] | undefined;
  filter?: RowFilter | undefined;
  /** A column whose values are handed on as they are, bytes too. */
  rawColumn?: string | undefined;
  /** Rows that the filter left out, as they are passed over. */
  onRejected?: ((rows: number) => void) | undefined;
}

/** @throws AppError `import.invalid` where the file is no Parquet table, is damaged or lacks the columns, `rpc.cancelled`. */
export async function* readParquetRows(
  source: ByteSource,
  fileName: string,
  { columns, filter, rawColumn, signal, onBytes, onRejected }: ParquetReadOptions = {},
  stepBytes = STEP_BYTES,
): AsyncGenerator<RowEvent> {
  const table = await ParquetTable.open(source, fileName, { rawBytes: rawColumn !== undefined });
  const wanted = wantedColumns(table, fileName, columns, filter);
  for (const range of table.steps([...wanted, ...(filter?.columns ?? [])], stepBytes)) {
    throwIfCancelled(signal);
    const rows = await (filter === undefined
      ? table.read(range, wanted)
      : readFiltered(table, range, wanted, filter));
    for (const { row, index } of rows) {
      const raw =
        rawColumn === undefined || !Object.hasOwn(row, rawColumn) ? {} : { [rawColumn]: row[rawColumn] };
      yield { kind: 'row', row: { ...plainRow(row), ...raw }, line: index + 1 };
    }
    if (filter !== undefined) onRejected?.(range.end - range.start - rows.length);
    onBytes?.(Math.round((source.size * range.end) / Math.max(1, table.rowCount)));
  }
}

/** The filter's columns of all rows, then the others of the rows between the first and the last that passed. */
async function readFiltered(
  table: ParquetTable,
  range: RowRange,
  wanted: readonly string[],
  { columns, prune, passes }: RowFilter,
): Promise<NumberedRow[]> {
  const judged = await table.read(range, columns, prune);
  const passed = new Map(
    judged.filter(({ row }) => passes(plainRow(row))).map(({ index, row }) => [index, row]),
  );
  const indexes = [...passed.keys()];
  const [first] = indexes;
  if (first === undefined) return [];
  const others = wanted.filter((column) => !columns.includes(column));
  const span = { start: first, end: (indexes.at(-1) ?? first) + 1 };
  const rows = others.length === 0 ? judged : await table.read(span, others);
  return rows
    .filter(({ index }) => passed.has(index))
    .map(({ row, index }) => ({ index, row: pick({ ...passed.get(index), ...row }, wanted) }));
}

function pick(row: Row, columns: readonly string[]): Row {
  return Object.fromEntries(columns.map((column) => [column, row[column]]));
}

function wantedColumns(
  table: ParquetTable,
  fileName: string,
  asked: readonly string[] | undefined,
  filter: RowFilter | undefined,
): readonly string[] {
  const missing = filter?.columns.find((column) => !table.columns.includes(column));
  if (missing !== undefined) throw lacking(table, fileName, `"${missing}", which its rows are filtered by`);
  const wanted = table.columns.filter((column) => asked?.includes(column) ?? !table.mediaColumns.has(column));
  if (wanted.length > 0 || table.columns.length === 0) return wanted;
  throw lacking(table, fileName, asked?.map((column) => `"${column}"`).join(' or ') ?? 'of text');
}

function lacking(table: ParquetTable, fileName: string, what: string): AppError {
  return new AppError('import.invalid', `${fileName} has no column ${what}.`, {
    remedy: `Its columns are ${table.columns.join(', ')}.`,
    details: { fileName, columns: [...table.columns] },
  });
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
