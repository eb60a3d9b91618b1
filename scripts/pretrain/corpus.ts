// The training text: three public-domain books, cleaned into paragraphs and speeches and split into a training part and
// a held-out tenth. Pure functions over strings; reading files is the caller's.

export type BookKind = 'prose' | 'play';

/** A paragraph of prose (one line), or a speech of a play (`NAME:` and its lines). */
export interface Passage {
  text: string;
  /** First passage of a chapter or story: <|endoftext|> stands before it. */
  opens: boolean;
}

export interface Book {
  name: string;
  kind: BookKind;
  passages: Passage[];
}

export interface SplitBook {
  name: string;
  kind: BookKind;
  /** Runs of neighbouring passages; a run ends where a held-out piece begins. */
  train: Passage[][];
  heldOut: Passage[][];
}

/** One piece in ten is held out, and a book has fifty: five places spread over each book. */
const PIECES_PER_BOOK = 50;
const HELD_OUT_PIECE = 5;

const REPLACEMENTS: readonly (readonly [RegExp, string])[] = [
  [/\r\n?/g, '\n'],
  [/[\u2018\u2019]/g, "'"],
  [/[\u201c\u201d]/g, '"'],
  [/\u2014/g, '--'],
  [/[\u00e6]/g, 'ae'],
  [/[\u0153]/g, 'oe'],
  [/\u00bd/g, ' 1/2'],
  [/\u00b7/g, ''],
  [/_/g, ''],
];

/** Typographic signs to ASCII (they would eat into a vocabulary of 1024), accents off, marks of italics off. */
export function normalise(text: string): string {
  const plain = REPLACEMENTS.reduce((result, [pattern, to]) => result.replace(pattern, to), text);
  return plain.normalize('NFD').replace(/[\u0300-\u036f]/g, '');
}

/** Removes `[Illustration ...]` with whatever brackets stand inside it. */
export function removeIllustrations(text: string): string {
  let result = '';
  let from = 0;
  for (;;) {
    const start = text.indexOf('[Illustration', from);
    if (start < 0) return result + text.slice(from);
    result += text.slice(from, start);
    from = closingBracket(text, start) + 1;
  }
}

function closingBracket(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === '[') depth += 1;
    if (text[at] === ']') depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error(`The bracket at character ${open} is never closed.`);
}

/** Paragraphs of hard-wrapped prose, each on one line; headings are dropped and open the next paragraph. */
function reflow(text: string, isHeading: (paragraph: string) => boolean): Passage[] {
  const passages: Passage[] = [];
  let opens = true;
  for (const block of text.split(/\n\s*\n/)) {
    const paragraph = block.trim().replace(/\s+/g, ' ');
    if (paragraph === '') continue;
    if (isHeading(paragraph)) {
      opens = true;
      continue;
    }
    passages.push({ text: paragraph, opens });
    opens = false;
  }
  return passages;
}

/** From `first` (included) to `last` (left out where given). */
function between(text: string, first: string, last: string | null): string {
  const start = text.indexOf(first);
  const end = last === null ? text.length : text.lastIndexOf(last);
  if (start < 0 || end < 0) {
    throw new Error(`"${start < 0 ? first : last}" is not in the text. Is it the expected edition?`);
  }
  return text.slice(start, end);
}

/** "MR. BENNET was among": the printed book sets the first words of a chapter in capitals. */
function lowerOpening(text: string): string {
  const opening = /^"?(?:[A-Z]+[.,']*\s+)*[A-Z]{2,}[.,']*(?=\s)/.exec(text)?.[0];
  if (opening === undefined) return text;
  const lowered = opening.replace(/[A-Z]+/g, (word, at: number) =>
    at <= 1 || NAMES.has(word) ? word.charAt(0) + word.slice(1).toLowerCase() : word.toLowerCase(),
  );
  return lowered.replace(/\bi\b/g, 'I') + text.slice(opening.length);
}

const NAMES = new Set([
  'MR',
  'MRS',
  'MISS',
  'BENNET',
  'BINGLEY',
  'ELIZABETH',
  'DARCY',
  'COLLINS',
  'JANE',
  'LADY',
]);

export function readAusten(source: string): Book {
  const text = removeIllustrations(normalise(source));
  const body = between(text, 'It is a truth universally acknowledged', 'CHISWICK PRESS');
  const passages = reflow(
    body,
    (paragraph) => /^CHAPTER [IVXLC]+\.?$/i.test(paragraph) || paragraph === 'THE END',
  );
  return {
    name: 'Pride and Prejudice',
    kind: 'prose',
    passages: passages.map((passage) =>
      passage.opens ? { ...passage, text: lowerOpening(passage.text) } : passage,
    ),
  };
}

export function readSherlock(source: string): Book {
  const body = between(normalise(source), 'I. A SCANDAL IN BOHEMIA', null);
  const passages = reflow(body, (paragraph) => /^[IVX]+\.( [A-Z' -]+)?$/.test(paragraph));
  return { name: 'The Adventures of Sherlock Holmes', kind: 'prose', passages };
}

export function readShakespeare(source: string): Book {
  const passages = normalise(source)
    .split(/\n\s*\n/)
    .map((block) => block.trim().replace(/[ \t]+/g, ' '))
    .filter((block) => block !== '')
    .map((text, index) => ({ text, opens: index === 0 }));
  return { name: "Shakespeare's plays (Tiny Shakespeare)", kind: 'play', passages };
}

/** Deterministic: the same book is always split at the same passages. */
export function splitBook(book: Book): SplitBook {
  const total = book.passages.reduce((sum, { text }) => sum + text.length, 0);
  const split: SplitBook = { name: book.name, kind: book.kind, train: [], heldOut: [] };
  let before = 0;
  let wasHeldOut: boolean | null = null;
  for (const passage of book.passages) {
    const piece = Math.floor((PIECES_PER_BOOK * (before + passage.text.length / 2)) / total);
    const heldOut = piece % 10 === HELD_OUT_PIECE;
    const runs = heldOut ? split.heldOut : split.train;
    if (heldOut !== wasHeldOut) runs.push([]);
    runs.at(-1)?.push(passage);
    before += passage.text.length;
    wasHeldOut = heldOut;
  }
  return split;
}

/** Runs as documents of plain text: cut where a chapter opens; a line per paragraph, an empty line between speeches. */
export function documentsOf(runs: readonly Passage[][], kind: BookKind): string[] {
  const documents: string[][] = [];
  for (const run of runs) {
    for (const [index, passage] of run.entries()) {
      if (index === 0 || passage.opens) documents.push([]);
      documents.at(-1)?.push(passage.text);
    }
  }
  return documents.map((texts) => texts.join(kind === 'prose' ? '\n' : '\n\n') + '\n');
}
