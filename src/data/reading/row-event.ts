// What readers of every file type give: rows of named values, or why a place in the file is none.

import { isNestedTooDeep, MAX_NESTING } from './nesting';

export type Row = Record<string, unknown>;

export type RowEvent =
  { kind: 'row'; row: Row; line: number } | { kind: 'bad'; line: number; excerpt: string; message: string };

/** A line or value longer than this is refused: it would not fit in memory. Characters. */
export const MAX_ROW_CHARS = 1 << 24;
const EXCERPT_CHARS = 120;

export function excerptOf(text: string): string {
  const flat = text
    .slice(0, EXCERPT_CHARS * 2)
    .replace(/\s+/g, ' ')
    .trim();
  return flat.length > EXCERPT_CHARS ? `${flat.slice(0, EXCERPT_CHARS)}…` : flat;
}

/** A JSON text as a row, or as a bad place that says what is wrong with it. */
export function parseRow(text: string, line: number): RowEvent {
  const excerpt = excerptOf(text);
  try {
    const value: unknown = JSON.parse(text);
    if (text.length > 2 * MAX_NESTING && isNestedTooDeep(value)) {
      const message = `Its values are nested more than ${MAX_NESTING} deep.`;
      return { kind: 'bad', line, excerpt, message };
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { kind: 'row', row: value as Row, line };
    }
    const found = value === null ? 'null' : Array.isArray(value) ? 'a list' : `a ${typeof value}`;
    return { kind: 'bad', line, excerpt, message: `Expected an object with named fields, found ${found}.` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'bad', line, excerpt, message: `This is not JSON: ${reason}.` };
  }
}
