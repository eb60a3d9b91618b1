// Training batches by number: row r of a run is always the same row, whatever was drawn before it. Plain text is read in
// windows at every place once per epoch; conversations are packed into rows, each a segment of its own.
import { hashSeed, Random } from '../../src/lib/random';
import { IGNORED_LABEL, type TokenBatch } from '../../src/protocol/batches';

/** Which source each of sixteen rows comes from: 8 prose, 5 plays, 3 conversations. */
const MIX = ['prose', 'play', 'prose', 'chat', 'prose', 'play', 'prose', 'play'] as const;
const SECOND_HALF = ['prose', 'chat', 'prose', 'play', 'prose', 'play', 'prose', 'chat'] as const;
const PATTERN: readonly SourceName[] = [...MIX, ...SECOND_HALF];

export type SourceName = 'prose' | 'play' | 'chat';

export interface TokenSources {
  /** One stream of documents each, <|endoftext|> before every document. */
  prose: Int32Array;
  play: Int32Array;
  /** Rendered conversations. */
  chat: number[][];
}

interface Row {
  tokens: number[];
  labels: number[];
  positions: number[];
  segments: number[];
}

/** Row number `index` of a source at that length. */
type RowSource = (index: number) => Row;

export class BatchMaker {
  readonly #sources: TokenSources;
  readonly #seed: number;
  readonly #rows = new Map<string, RowSource>();

  constructor(sources: TokenSources, seed: number) {
    this.#sources = sources;
    this.#seed = seed;
  }

  /** @param firstRow rows drawn before this batch. */
  batch(firstRow: number, rows: number, length: number): TokenBatch {
    return toBatch(
      Array.from({ length: rows }, (_, index) => this.#row(firstRow + index, length)),
      length,
    );
  }

  #row(number: number, length: number): Row {
    const slot = number % PATTERN.length;
    const name = PATTERN[slot] ?? 'prose';
    const perPattern = PATTERN.filter((other) => other === name).length;
    const before = PATTERN.slice(0, slot).filter((other) => other === name).length;
    return this.#source(name, length)(Math.floor(number / PATTERN.length) * perPattern + before);
  }

  #source(name: SourceName, length: number): RowSource {
    const key = `${name}/${length}`;
    let source = this.#rows.get(key);
    if (source === undefined) {
      const seed = hashSeed(this.#seed, key);
      source =
        name === 'chat'
          ? packedRows(this.#sources.chat, length, seed)
          : windows(this.#sources[name], length, seed);
      this.#rows.set(key, source);
    }
    return source;
  }
}

/** Windows side by side, in an order and from a first token that differ in each epoch. */
function windows(stream: Int32Array, length: number, seed: number): RowSource {
  const perEpoch = Math.floor(stream.length / length) - 1;
  const order = epochOrder(perEpoch, seed);
  return (index) => {
    const epoch = Math.floor(index / perEpoch);
    const shift = new Random(hashSeed(seed, 'shift', epoch)).integer(length);
    const start = shift + order(index) * length;
    return {
      tokens: [...stream.subarray(start, start + length)],
      labels: [...stream.subarray(start + 1, start + length + 1)],
      positions: Array.from({ length }, (_, at) => at),
      segments: new Array<number>(length).fill(0),
    };
  };
}

/** Conversations in a shuffled order, as many to a row as fit. What is longer than a row is cut. */
function packedRows(conversations: readonly number[][], length: number, seed: number): RowSource {
  const rows: Row[] = [];
  let row = emptyRow();
  for (const ids of new Random(hashSeed(seed, 'packing')).shuffle(conversations)) {
    const tokens = ids.slice(0, length + 1);
    if (row.tokens.length + tokens.length - 1 > length) {
      rows.push(padded(row, length));
      row = emptyRow();
    }
    append(row, tokens);
  }
  rows.push(padded(row, length));
  const order = epochOrder(rows.length, seed);
  return (index) => rows[order(index)] ?? padded(emptyRow(), length);
}

function emptyRow(): Row {
  return { tokens: [], labels: [], positions: [], segments: [] };
}

/** Each token predicts the next; the last one of a conversation only closes it and is left out. */
function append(row: Row, tokens: readonly number[]): void {
  const segment = (row.segments.at(-1) ?? -1) + 1;
  for (const [position, token] of tokens.slice(0, -1).entries()) {
    row.tokens.push(token);
    row.labels.push(tokens[position + 1] ?? IGNORED_LABEL);
    row.positions.push(position);
    row.segments.push(segment);
  }
}

function padded(row: Row, length: number): Row {
  while (row.tokens.length < length) {
    row.tokens.push(0);
    row.labels.push(IGNORED_LABEL);
    row.positions.push(0);
    row.segments.push(-1);
  }
  return row;
}

/** Index over all epochs to a place in 0..count-1; each epoch visits every place once. */
function epochOrder(count: number, seed: number): (index: number) => number {
  const places = Array.from({ length: count }, (_, place) => place);
  let epoch = -1;
  let order: number[] = [];
  return (index) => {
    const wanted = Math.floor(index / count);
    if (wanted !== epoch) {
      order = new Random(hashSeed(seed, 'order', wanted)).shuffle(places);
      epoch = wanted;
    }
    return order[index % count] ?? 0;
  };
}

export function toBatch(rows: readonly Row[], length: number): TokenBatch {
  const flat = (part: keyof Row): Int32Array<ArrayBuffer> =>
    Int32Array.from(rows.flatMap((row) => row[part]));
  const labels = flat('labels');
  return {
    rows: rows.length,
    length,
    tokens: flat('tokens'),
    labels,
    positions: flat('positions'),
    segments: flat('segments'),
    targetTokens: labels.reduce((count, label) => count + (label === IGNORED_LABEL ? 0 : 1), 0),
  };
}

/** A text as windows side by side: every token but the first is predicted once. The last window is padded. */
export function evaluationBatches(stream: Int32Array, rows: number, length: number): TokenBatch[] {
  const all: Row[] = [];
  for (let start = 0; start < stream.length - 1; start += length) {
    const row = emptyRow();
    append(row, [...stream.subarray(start, start + length + 1)]);
    all.push(padded(row, length));
  }
  const batches: TokenBatch[] = [];
  for (let at = 0; at < all.length; at += rows) batches.push(toBatch(all.slice(at, at + rows), length));
  return batches;
}
