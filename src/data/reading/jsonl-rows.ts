// JSON Lines: one object on each line; blank lines are no rows.
import { splitLines } from './lines';
import { excerptOf, MAX_ROW_CHARS, parseRow, type RowEvent } from './row-event';

export async function* readJsonlRows(
  pieces: AsyncIterable<string>,
  maxChars = MAX_ROW_CHARS,
): AsyncGenerator<RowEvent> {
  let tooLong = 0;
  for await (const { text, number, continues } of splitLines(pieces, maxChars)) {
    if (continues && tooLong !== number) {
      tooLong = number;
      const message = `The line is longer than ${maxChars} characters.`;
      yield { kind: 'bad', line: number, excerpt: excerptOf(text), message };
    }
    if (tooLong === number || text.trim() === '') continue;
    yield parseRow(text, number);
  }
}
