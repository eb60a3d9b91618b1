// CSV as rows, by papaparse: the first line names the columns; it also tells the delimiter.
import Papa from 'papaparse';
import { excerptOf, MAX_ROW_CHARS, type Row, type RowEvent } from './row-event';

interface ParsedRows {
  data: string[][];
  errors: { code: string; row?: number }[];
  meta: { cursor: number };
}

export async function* readCsvRows(
  pieces: AsyncIterable<string>,
  maxChars = MAX_ROW_CHARS,
): AsyncGenerator<RowEvent> {
  const reader = new CsvReader(maxChars);
  for await (const piece of pieces) yield* reader.push(piece, false);
  yield* reader.push('', true);
}

class CsvReader {
  readonly #maxChars: number;
  #pending = '';
  #line = 1;
  #delimiter: string | null = null;
  #columns: string[] | null = null;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  *push(piece: string, last: boolean): Generator<RowEvent> {
    // Line ends are made alike first; one that may be half of a pair waits for the next piece.
    const text = (this.#pending + piece).replace(last ? /\r\n?/g : /\r\n|\r(?!$)/g, '\n');
    if (text === '') return;
    if (this.#delimiter === null && !last && !text.includes('\n')) {
      this.#pending = text;
      return;
    }
    this.#delimiter ??= findDelimiter(text);
    const { data, errors, meta } = this.#parse(text, last);
    for (const fields of data) yield* this.#row(fields);
    this.#pending = last ? '' : text.slice(meta.cursor);
    if (last && errors.some(({ code }) => code === 'MissingQuotes')) {
      yield this.#bad(text, 'A quote that opens here or before is never closed.');
    } else if (this.#pending.length > this.#maxChars) {
      yield this.#bad(
        this.#pending,
        `A row is longer than ${this.#maxChars} characters: is a quote never closed?`,
      );
      this.#pending = '';
    }
  }

  #parse(text: string, last: boolean): ParsedRows {
    const parser = new Papa.Parser({ delimiter: this.#delimiter ?? ',', newline: '\n', quoteChar: '"' });
    const parsed = parser.parse(text, 0, !last) as ParsedRows;
    // An unclosed quote swallows the rest of the file into its last row, which is no row then.
    const broken = last && parsed.errors.some(({ code }) => code === 'MissingQuotes');
    return broken ? { ...parsed, data: parsed.data.slice(0, -1) } : parsed;
  }

  *#row(fields: string[]): Generator<RowEvent> {
    const line = this.#line;
    this.#line += 1 + fields.reduce((count, field) => count + newlines(field), 0);
    if (fields.length === 1 && fields[0]?.trim() === '') return;
    if (this.#columns === null) {
      this.#columns = nameColumns(fields);
    } else if (fields.length > this.#columns.length) {
      const excerpt = excerptOf(fields.join(this.#delimiter ?? ','));
      const message = `The row has ${fields.length} fields, the header ${this.#columns.length}: quote fields that contain the delimiter.`;
      yield { kind: 'bad', line, excerpt, message };
    } else {
      yield { kind: 'row', row: toRow(this.#columns, fields), line };
    }
  }

  #bad(text: string, message: string): RowEvent {
    return { kind: 'bad', line: this.#line, excerpt: excerptOf(text), message };
  }
}

/** What the header uses most, quoted names left out; a comma where it has one column. */
function findDelimiter(text: string): string {
  const header = (text.split('\n', 1)[0] ?? '').replace(/"[^"]*"/g, '');
  const uses = (delimiter: string): number => header.split(delimiter).length - 1;
  return [',', ';', '\t', '|'].reduce((best, candidate) => (uses(candidate) > uses(best) ? candidate : best));
}

/** Names are trimmed; empty ones get their number, repeated ones a count. */
function nameColumns(fields: string[]): string[] {
  const seen = new Map<string, number>();
  return fields.map((field, i) => {
    const name = field.trim() === '' ? `column ${i + 1}` : field.trim();
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name} ${count}`;
  });
}

function toRow(columns: string[], fields: string[]): Row {
  return Object.fromEntries(fields.map((field, i) => [columns[i] ?? '', field]));
}

function newlines(text: string): number {
  return text.split('\n').length - 1;
}
