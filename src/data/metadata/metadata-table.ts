// A table that tells about files: the row of each by the name in `filename_column`. It keeps the columns that are asked for
// and no others. Reading the table is reading's.
import { AppError } from '../../lib/errors';
import type { Size } from '../images/picture-size';
import { valueAt } from '../captions/row-captions';
import { readRows, type SourceFile } from '../reading/file-rows';
import type { Row } from '../reading/row-event';
import { ParquetColumnCheck } from './parquet-columns';
import { parseCaptionSettings, type CaptionConfig } from '../captions/caption-settings';

/** The `parquet` block of a configuration. */
export interface MetadataTableConfig extends CaptionConfig {
  parquet?:
    | (CaptionConfig['parquet'] & {
        path?: string | undefined;
        filename_column?: string | undefined;
        width_column?: string | undefined;
        height_column?: string | undefined;
        /** false: the column has names without an ending. */
        identifier_includes_extension?: boolean | undefined;
      })
    | undefined;
}

interface Entry {
  row: Row;
  /** Of the picture that the file is. */
  size: Size | null;
}

const TABLES = ['parquet', 'jsonl', 'json'];

export class MetadataTable {
  readonly #rows = new Map<string, Entry>();
  readonly #keyOf: (path: string) => string;

  private constructor(keyOf: (path: string) => string) {
    this.#keyOf = keyOf;
  }

  /** @throws AppError `config.invalid` for what the block or the columns lack; as `readRows`; `rpc.cancelled`. */
  static async read(
    file: SourceFile,
    config: MetadataTableConfig,
    signal?: AbortSignal,
  ): Promise<MetadataTable> {
    const column = filenameColumn(file, config);
    const { columns } = parseCaptionSettings(config);
    const check = new ParquetColumnCheck(file.name, columns);
    const wanted = [...columns.columns, ...(columns.fallback === null ? [] : [columns.fallback])];
    const table = new MetadataTable(
      config.parquet?.identifier_includes_extension === true ? whole : withoutExtension,
    );
    for await (const event of readRows(file, { signal })) {
      if (event.kind === 'bad') continue;
      check.add(event.row);
      const name = valueAt(event.row, column);
      if (typeof name !== 'string' && typeof name !== 'number') continue;
      const kept = Object.fromEntries(wanted.map((key) => [key, valueAt(event.row, key) ?? null]));
      table.#rows.set(String(name), { row: kept, size: sizeIn(event.row, config) });
    }
    check.finish();
    return table;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** By the whole path, or by the file's name alone. */
  rowOf(path: string): Row | null {
    return this.#find(path)?.row ?? null;
  }

  /** null where the table does not tell it. */
  sizeOf(path: string): Size | null {
    return this.#find(path)?.size ?? null;
  }

  #find(path: string): Entry | undefined {
    const key = this.#keyOf(path);
    return this.#rows.get(key) ?? this.#rows.get(key.slice(key.lastIndexOf('/') + 1));
  }
}

function sizeIn(row: Row, { parquet }: MetadataTableConfig): Size | null {
  const { width_column: across, height_column: down } = parquet ?? {};
  if (across === undefined || down === undefined) return null;
  const [width, height] = [across, down].map((column) => Number(valueAt(row, column) ?? NaN));
  return isEdge(width) && isEdge(height) ? { width, height } : null;
}

const isEdge = (pixels: number | undefined): pixels is number =>
  pixels !== undefined && Number.isInteger(pixels) && pixels > 0;

function filenameColumn({ name }: SourceFile, { id, parquet }: MetadataTableConfig): string {
  const extension = name.toLowerCase().split('.').pop() ?? '';
  if (!TABLES.includes(extension))
    throw refused(id, `a table ${name}`, `Use a file that ends in ${TABLES.join(', ')}.`);
  const column = parquet?.filename_column;
  if (column === undefined || column === '') {
    throw refused(
      id,
      'a parquet block without filename_column',
      'Name the column with the names of the files.',
    );
  }
  return column;
}

function refused(id: string, fact: string, remedy: string): AppError {
  return new AppError('config.invalid', `Backend "${id}" has ${fact}.`, { remedy, details: { id } });
}

function whole(path: string): string {
  return path;
}

/** A dot in front of everything is part of a name. */
function withoutExtension(path: string): string {
  return path.replace(/(?<=[^/])\.[^./]+$/, '');
}
