// CSV as rows (RFC 4180), by papaparse: the first line names the columns; it also tells the delimiter. A row in memory at a time,
// and the piece of text that it came in.
import Papa from 'papaparse';
import { excerptOf, MAX_ROW_CHARS, type Row, type RowEvent } from './row-event';

const DELIMITERS: readonly string[] = [',', ';', '\t', '|'];
/** Unclosed quotes after which a file is given up. */
const MOST_REPAIRS = 100;

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
  /** The rest of a line that was given up is still to come. */
  #skipping = false;
  #line = 1;
  #delimiter: string | null = null;
  #columns: string[] | null = null;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  *push(piece: string, last: boolean): Generator<RowEvent> {
    // Line ends are made alike first; one that may be half of a pair waits for the next piece.
    const text = (this.#pending + piece).replace(last ? /\r\n?/g : /\r\n|\r(?!$)/g, '\n');
    this.#pending = this.#skipping ? this.#afterLine(text) : text;
    if (this.#pending === '') return;
    this.#delimiter ??= findDelimiter(this.#pending, last || this.#pending.length > this.#maxChars);
    if (this.#delimiter === null) return;
    yield* this.#rows(this.#pending);
    if (last) yield* this.#lastRows();
    else if (this.#pending.length > this.#maxChars) {
      yield this.#skipLine(`A row is longer than ${this.#maxChars} characters: is a quote never closed?`);
    }
  }

  /** All rows but the last one, which may go on. */
  *#rows(text: string): Generator<RowEvent> {
    const { data, meta } = this.#parse(text, true);
    for (const fields of data) yield* this.#row(fields);
    this.#pending = text.slice(meta.cursor);
  }

  /** A quote that is never closed swallows what follows: its line is told and the next ones are rows again. */
  *#lastRows(): Generator<RowEvent> {
    for (let repairs = 0; this.#pending !== ''; repairs++) {
      const { data, errors } = this.#parse(this.#pending, false);
      if (!errors.some(({ code }) => code === 'MissingQuotes')) {
        for (const fields of data) yield* this.#row(fields);
        return;
      }
      yield this.#skipLine('A quote that opens here is never closed.');
      if (repairs === MOST_REPAIRS) return;
      yield* this.#rows(this.#pending);
    }
  }

  #parse(text: string, ignoreLastRow: boolean): ParsedRows {
    const parser = new Papa.Parser({ delimiter: this.#delimiter ?? ',', newline: '\n', quoteChar: '"' });
    return parser.parse(text, 0, ignoreLastRow) as ParsedRows;
  }

  /** Gives up the line that the pending row begins on. */
  #skipLine(message: string): RowEvent {
    const line = this.#line;
    const excerpt = excerptOf(this.#pending);
    this.#line += 1;
    this.#pending = this.#afterLine(this.#pending);
    return { kind: 'bad', line, excerpt, message };
  }

  #afterLine(text: string): string {
    const end = text.indexOf('\n');
    this.#skipping = end < 0;
    return end < 0 ? '' : text.slice(end + 1);
  }

  *#row(fields: string[]): Generator<RowEvent> {
    const line = this.#line;
    this.#line += 1 + fields.reduce((count, field) => count + newlines(field), 0);
    if (fields.length === 1 && fields[0]?.trim() === '') return;
    if (this.#columns === null) {
      this.#columns = nameColumns(fields);
    } else if (fields.slice(this.#columns.length).some((field) => field.trim() !== '')) {
      const excerpt = excerptOf(fields.join(this.#delimiter ?? ','));
      const message = `The row has ${fields.length} fields, the header ${this.#columns.length}: quote fields that contain the delimiter.`;
      yield { kind: 'bad', line, excerpt, message };
    } else {
      yield { kind: 'row', row: toRow(this.#columns, fields), line };
    }
  }
}

/**
 * What the header uses most, quoted names left out; a comma where it has one column.
 * @param whole nothing follows, or enough was seen. @returns null where the header may go on.
 */
function findDelimiter(text: string, whole: boolean): string | null {
  const uses = new Map(DELIMITERS.map((delimiter) => [delimiter, 0]));
  let quoted = false;
  let empty = true;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    if (character === '\n' && !quoted && !empty) return mostUsed(uses);
    const count = uses.get(character);
    if (count !== undefined && !quoted) uses.set(character, count + 1);
    empty &&= character.trim() === '';
  }
  return whole ? mostUsed(uses) : null;
}

function mostUsed(uses: ReadonlyMap<string, number>): string {
  return [...uses].reduce((best, use) => (use[1] > best[1] ? use : best))[0];
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
  return Object.fromEntries(fields.slice(0, columns.length).map((field, i) => [columns[i] ?? '', field]));
}

function newlines(text: string): number {
  return text.split('\n').length - 1;
}
