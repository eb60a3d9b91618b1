// Puts sequences together in rows of a fixed length, first fit; one row, several sequences. Flat arrays: it has to hold for
// millions of sequences.
import { hashSeed, Random } from '../../lib/random';
import { shuffled } from '../runtime/length-sorted';

/** Rows that still take sequences. More would fill little better and cost a search for each sequence. */
const OPEN_ROWS = 64;

/** Sequences of each row: those of row r stand in `items` from `ends[r - 1]` (0 for the first) to `ends[r]`. */
export interface PackedRows {
  items: Uint32Array;
  ends: Uint32Array;
}

interface OpenRow {
  row: number;
  free: number;
}

/**
 * @param lengths tokens of each sequence, none above `rowLength`.
 * @returns rows of sequence numbers; together they are all numbers once.
 */
export function packFirstFit(lengths: ArrayLike<number>, rowLength: number, seed: number): PackedRows {
  const order = shuffled(lengths.length, new Random(hashSeed(seed, 'pack')));
  const rowOf = new Uint32Array(lengths.length);
  let rows = 0;
  let open: OpenRow[] = [];
  for (const item of order) {
    const length = lengths[item] ?? 0;
    const fitting = open.find(({ free }) => free >= length);
    if (fitting !== undefined) {
      fitting.free -= length;
      rowOf[item] = fitting.row;
      continue;
    }
    rowOf[item] = rows;
    open.push({ row: rows++, free: rowLength - length });
    if (open.length > OPEN_ROWS) open = withoutFullest(open);
  }
  return gathered(order, rowOf, rows);
}

/** Inside a row in the order in which they came. */
function gathered(order: Uint32Array, rowOf: Uint32Array, rows: number): PackedRows {
  const ends = new Uint32Array(rows);
  for (const row of rowOf) ends[row] = (ends[row] ?? 0) + 1;
  let end = 0;
  const next = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    next[row] = end;
    end += ends[row] ?? 0;
    ends[row] = end;
  }
  const items = new Uint32Array(order.length);
  for (const item of order) {
    const row = rowOf[item] ?? 0;
    const at = next[row] ?? 0;
    items[at] = item;
    next[row] = at + 1;
  }
  return { items, ends };
}

/** Sequences of one row. */
export function itemsOfRow({ items, ends }: PackedRows, row: number): Uint32Array {
  return items.subarray(row === 0 ? 0 : ends[row - 1], ends[row]);
}

/** One sequence to a row. */
export function oneToARow(count: number): PackedRows {
  const items = Uint32Array.from({ length: count }, (_, i) => i);
  return { items, ends: items.map((item) => item + 1) };
}

function withoutFullest(open: OpenRow[]): OpenRow[] {
  const fullest = open.reduce((least, candidate) => (candidate.free < least.free ? candidate : least));
  return open.filter((candidate) => candidate !== fullest);
}
