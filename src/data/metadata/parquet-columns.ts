// Whether the columns of a table can give texts: told of each row, it says at the end what is wrong with a column as a whole,
// or at once where a value is no text. It keeps counts only, however long the table is.
import { AppError } from '../../lib/errors';
import { valueAt, type CaptionColumns } from '../captions/row-captions';
import type { Row } from '../reading/row-event';

/** What a value lacks to be a text. */
type Lack = 'null values' | 'null arrays' | 'empty arrays' | 'empty strings';

export class ParquetColumnCheck {
  readonly #table: string;
  readonly #columns: CaptionColumns;
  /** Values that are there, by column. */
  readonly #values: Map<string, number>;
  readonly #firstNull = new Map<string, number>();
  #rows = 0;

  /** @param table its path, for messages. */
  constructor(table: string, columns: CaptionColumns) {
    this.#table = table;
    this.#columns = columns;
    this.#values = new Map(columns.columns.map((column) => [column, 0]));
  }

  /** @throws AppError `config.invalid` for a value without text where no fallback is given, or of another type. */
  add(row: Row): void {
    this.#rows += 1;
    for (const column of this.#columns.columns) {
      const value = valueAt(row, column);
      const lack = lackOf(value);
      if (lack === 'type') throw this.#wrongType(column, value);
      if (lack === null) this.#values.set(column, (this.#values.get(column) ?? 0) + 1);
      // Nulls are told of once it is known that they are not all there is.
      else if (lack === 'null values') this.#firstNull.set(column, this.#firstNull.get(column) ?? this.#rows);
      else if (this.#columns.fallback === null) throw this.#lacking(column, lack, this.#rows);
    }
  }

  /** @throws AppError `config.invalid` for a column of nulls, and for single nulls where no fallback is given. */
  finish(): void {
    for (const [column, count] of this.#values) {
      if (count === 0 && this.#rows > 0) throw this.#allNull(column);
      const row = this.#firstNull.get(column);
      if (row !== undefined && this.#columns.fallback === null)
        throw this.#lacking(column, 'null values', row);
    }
  }

  #allNull(column: string): AppError {
    return this.#error(column, `has nothing but nulls in its column "${column}"`, 'Name another column.');
  }

  #lacking(column: string, lack: Lack, row: number): AppError {
    const remedy = 'Set fallback_caption_column, or fill the column.';
    return this.#error(column, `has ${lack} in its column "${column}" (row ${row})`, remedy);
  }

  #wrongType(column: string, value: unknown): AppError {
    const fact = `has a ${typeof value} in its column "${column}" (row ${this.#rows})`;
    return this.#error(column, fact, 'Name a column of texts or of lists of texts.');
  }

  #error(column: string, fact: string, remedy: string): AppError {
    return new AppError('config.invalid', `${this.#table} ${fact}.`, { remedy, details: { column } });
  }
}

function lackOf(value: unknown): Lack | 'type' | null {
  if (value === null || value === undefined) return 'null values';
  if (typeof value === 'string') return value === '' ? 'empty strings' : null;
  if (!Array.isArray(value)) return 'type';
  if (value.length === 0) return 'empty arrays';
  const texts = value.filter((part) => part !== null && part !== undefined);
  if (texts.length === 0) return 'null arrays';
  return texts.every((part) => typeof part === 'string') ? null : 'type';
}
