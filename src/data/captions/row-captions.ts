// The texts that a row gives, by the names of its columns. Pure. A list is one text for each of its elements; several
// columns are as many texts. What a fallback stands in for is decided row by row.
import type { Row } from '../reading/row-event';

export interface CaptionColumns {
  /** `caption_column`: one or several. */
  columns: readonly string[];
  /** `fallback_caption_column`: read where the others give nothing. */
  fallback: string | null;
}

/** A column may be a field of a nested one: `meta.caption`. A column of that very name comes first. */
export function valueAt(row: Row, column: string): unknown {
  if (Object.hasOwn(row, column)) return row[column];
  let value: unknown = row;
  for (const part of column.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Row)[part];
  }
  return value;
}

/** @returns texts with something in them, without the space around them; none where the row has none. */
export function captionsOfRow(row: Row, { columns, fallback }: CaptionColumns): string[] {
  const captions = columns.flatMap((column) => textsOf(valueAt(row, column)));
  if (captions.length > 0 || fallback === null) return captions;
  return textsOf(valueAt(row, fallback));
}

function textsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(textsOf);
  if (typeof value === 'number') return [String(value)];
  if (typeof value !== 'string') return [];
  const text = value.trim();
  return text === '' ? [] : [text];
}
