// Lines of a text that arrives in pieces. A line without an end is handed over in parts, so memory stays bounded.

export interface Line {
  text: string;
  /** From 1. */
  number: number;
  /** The line was longer than the limit: its next part follows under the same number. */
  continues: boolean;
}

export async function* splitLines(pieces: AsyncIterable<string>, maxChars: number): AsyncGenerator<Line> {
  let rest = '';
  let number = 1;
  for await (const piece of pieces) {
    const text = rest + piece;
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      yield* parts(text.slice(start, end), number, maxChars);
      start = end + 1;
      number++;
    }
    rest = text.slice(start);
    while (rest.length > maxChars) {
      const cut = cutBeforePair(rest, maxChars);
      yield { text: rest.slice(0, cut), number, continues: true };
      rest = rest.slice(cut);
    }
  }
  if (rest !== '') yield* parts(rest, number, maxChars);
}

/** A cut that leaves surrogate pairs whole. */
export function cutBeforePair(text: string, at: number): number {
  const code = text.charCodeAt(at - 1);
  return code >= 0xd800 && code <= 0xdbff ? at - 1 : at;
}

function* parts(line: string, number: number, maxChars: number): Generator<Line> {
  let rest = line.endsWith('\r') ? line.slice(0, -1) : line;
  while (rest.length > maxChars) {
    const cut = cutBeforePair(rest, maxChars);
    yield { text: rest.slice(0, cut), number, continues: true };
    rest = rest.slice(cut);
  }
  yield { text: rest, number, continues: false };
}
