// One Parquet file behind an interface of what is asked of it: which columns it has, how its rows can be stepped through with
// bounded memory, and rows of a range. By hyparquet, which is fetched when the first table is opened.
import type { FileMetaData, ParquetQueryFilter, SchemaTree } from 'hyparquet';
import { AppError, messageOf } from '../../lib/errors';
import type { Row } from './row-event';
import type { ByteSource } from './text-reader';

export type { ParquetQueryFilter } from 'hyparquet';

/** From `start` up to, not including, `end`; of one group. */
export interface RowRange {
  start: number;
  end: number;
}

export interface NumberedRow {
  row: Row;
  /** In the table, from 0. */
  index: number;
}

/** Packed bytes of one group that are kept while it takes several steps. */
const KEPT_BYTES = 64 << 20;

type ReadRange = (
  range: RowRange,
  columns: readonly string[],
  prune: ParquetQueryFilter | null,
) => Promise<NumberedRow[]>;

export class ParquetTable {
  readonly columns: readonly string[];
  /** Files as values, with their bytes and their path: pictures and sounds of a hub's datasets. */
  readonly mediaColumns: ReadonlySet<string>;
  readonly rowCount: number;
  readonly #metadata: FileMetaData;
  readonly #slices: KeptSlices;
  readonly #read: ReadRange;

  private constructor(
    metadata: FileMetaData,
    schema: readonly SchemaTree[],
    slices: KeptSlices,
    read: ReadRange,
  ) {
    this.columns = schema.map(({ element }) => element.name);
    this.mediaColumns = new Set(schema.filter(isMedia).map(({ element }) => element.name));
    this.rowCount = Number(metadata.num_rows);
    this.#metadata = metadata;
    this.#slices = slices;
    this.#read = read;
  }

  /**
   * @param options rawBytes: what is not marked as text stays bytes; otherwise it is taken for text.
   * @throws AppError `import.invalid` where the file is no Parquet table or is damaged, and here and later what reading it throws.
   */
  static async open(
    source: ByteSource,
    fileName: string,
    { rawBytes = false }: { rawBytes?: boolean } = {},
  ): Promise<ParquetTable> {
    const [hyparquet, { compressors }] = await Promise.all([
      import('hyparquet'),
      import('hyparquet-compressors'),
    ]);
    const slices = new KeptSlices(source);
    const file = {
      byteLength: source.size,
      slice: (start: number, end?: number) => slices.slice(start, end),
    };
    const metadata = await reading(fileName, hyparquet.parquetMetadataAsync(file));
    const schema = hyparquet.parquetSchema(metadata).children;
    return new ParquetTable(metadata, schema, slices, async ({ start, end }, wanted, prune) => {
      const columns = [...wanted];
      const options = { file, metadata, compressors, rowStart: start, rowEnd: end, columns, utf8: !rawBytes };
      const more = {
        useOffsetIndex: true,
        includeRowIndex: true,
        ...(prune === null ? {} : { filter: prune }),
      };
      const rows = await reading(fileName, hyparquet.parquetReadObjects({ ...options, ...more }));
      return rows.map((row) => ({ row: row as Row, index: row[hyparquet.rowIndex] ?? start }));
    });
  }

  /** Ranges of rows, none across two groups, whose wanted columns are about so many unpacked bytes. */
  *steps(columns: readonly string[], stepBytes: number): Generator<RowRange, void> {
    let first = 0;
    for (const group of this.#metadata.row_groups) {
      const rows = Number(group.num_rows);
      const parts = group.columns.filter(({ meta_data: part }) =>
        columns.includes(part?.path_in_schema[0] ?? ''),
      );
      const bytes = parts.reduce(
        (sum, part) => sum + Number(part.meta_data?.total_uncompressed_size ?? 0),
        0,
      );
      const step = Math.max(1, Math.floor((rows * stepBytes) / Math.max(1, bytes)));
      this.#slices.restart(step < rows ? KEPT_BYTES : 0);
      for (let start = 0; start < rows; start += step) {
        yield { start: first + start, end: first + Math.min(start + step, rows) };
      }
      first += rows;
    }
  }

  /** @param prune groups whose statistics contradict it are not read, and neither are rows that do. */
  read(
    range: RowRange,
    columns: readonly string[],
    prune: ParquetQueryFilter | null = null,
  ): Promise<NumberedRow[]> {
    return this.#read(range, columns, prune);
  }
}

function isMedia({ children }: SchemaTree): boolean {
  const parts = children.map(({ element }) => element.name).sort();
  return parts.length === 2 && parts[0] === 'bytes' && parts[1] === 'path';
}

async function reading<Result>(fileName: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (cause) {
    // What the source itself says (gone, refused, cancelled) is no damage.
    if (cause instanceof AppError) throw cause;
    throw new AppError(
      'import.invalid',
      `${fileName} cannot be read as a Parquet table: ${messageOf(cause)}.`,
      {
        remedy: 'Download or write the file again; it may have been cut off.',
        details: { fileName },
        cause,
      },
    );
  }
}

/**
 * Steps of one group that cannot be told apart in the file begin with the same bytes: while a group takes several, what was
 * read of it is kept.
 */
class KeptSlices {
  readonly byteLength: number;
  readonly #source: ByteSource;
  readonly #kept = new Map<string, Promise<ArrayBuffer>>();
  #freeBytes = 0;

  constructor(source: ByteSource) {
    this.#source = source;
    this.byteLength = source.size;
  }

  /** Forgets what was kept. @param budgetBytes for what comes; 0 keeps nothing. */
  restart(budgetBytes: number): void {
    this.#kept.clear();
    this.#freeBytes = budgetBytes;
  }

  slice(start: number, end = this.byteLength): Promise<ArrayBuffer> {
    const key = `${start}-${end}`;
    const known = this.#kept.get(key);
    if (known !== undefined) return known;
    const bytes = this.#source.slice(start, end).arrayBuffer();
    if (end - start <= this.#freeBytes) {
      this.#freeBytes -= end - start;
      this.#kept.set(key, bytes);
      bytes.catch(() => this.#kept.delete(key));
    }
    return bytes;
  }
}
