// A JSON file as rows without parsing it as a whole: the objects of a top-level list, or objects one after the other.
import { excerptOf, MAX_ROW_CHARS, parseRow, type RowEvent } from './row-event';

export async function* readJsonRows(
  pieces: AsyncIterable<string>,
  maxChars = MAX_ROW_CHARS,
): AsyncGenerator<RowEvent> {
  const splitter = new ValueSplitter(maxChars);
  for await (const piece of pieces) yield* splitter.push(piece);
  yield* splitter.finish();
}

/** Finds where top-level values begin and end by brackets and quotes alone; JSON.parse judges each of them. */
class ValueSplitter {
  readonly #maxChars: number;
  #value = '';
  #valueLine = 1;
  #line = 1;
  /** Brackets open inside the value; 0 is between values or in a bare one. */
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inList = false;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  *push(piece: string): Generator<RowEvent> {
    let start = this.#value === '' ? -1 : 0;
    for (let i = 0; i < piece.length; i++) {
      const character = piece.charAt(i);
      if (character === '\n') this.#line++;
      if (this.#inString) {
        this.#readString(character);
        continue;
      }
      if (this.#depth === 0 && this.#isSeparator(character)) {
        if (start >= 0) yield* this.#end(piece.slice(start, i));
        start = -1;
        continue;
      }
      if (start < 0) {
        start = i;
        this.#valueLine = this.#line;
      }
      if (character === '"') this.#inString = true;
      else if (character === '{' || character === '[') this.#depth++;
      else if ((character === '}' || character === ']') && --this.#depth <= 0) {
        this.#depth = 0;
        yield* this.#end(piece.slice(start, i + 1));
        start = -1;
      }
    }
    if (start >= 0) this.#value += piece.slice(start);
    if (this.#value.length > this.#maxChars)
      yield* this.#giveUp(`A value is longer than ${this.#maxChars} characters.`);
  }

  *finish(): Generator<RowEvent> {
    if (this.#value === '') return;
    if (this.#depth > 0 || this.#inString) yield* this.#giveUp('The file ends in the middle of this value.');
    else yield* this.#end('');
  }

  #readString(character: string): void {
    if (this.#escaped) this.#escaped = false;
    else if (character === '\\') this.#escaped = true;
    else if (character === '"') this.#inString = false;
  }

  /** Between values; the brackets of the outer list count as such. */
  #isSeparator(character: string): boolean {
    if (character === '[' && !this.#inList && this.#value === '') return (this.#inList = true);
    if (character === ']' && this.#inList) {
      this.#inList = false;
      return true;
    }
    return character === ',' || character.trim() === '';
  }

  *#end(tail: string): Generator<RowEvent> {
    const text = this.#value + tail;
    this.#value = '';
    yield parseRow(text, this.#valueLine);
  }

  *#giveUp(message: string): Generator<RowEvent> {
    yield { kind: 'bad', line: this.#valueLine, excerpt: excerptOf(this.#value), message };
    this.#value = '';
    this.#depth = 0;
    this.#inString = false;
  }
}
