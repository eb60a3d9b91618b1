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

/**
 * @param lengths tokens of each sequence, none above `rowLength`.
 * @returns rows of sequence numbers; together they are all numbers once.
 */
export function packFirstFit(lengths: ArrayLike<number>, rowLength: number, seed: number): PackedRows {
  const order = shuffled(lengths.length, new Random(hashSeed(seed, 'pack')));
  const rowOf = new Uint32Array(lengths.length);
  const open = new OpenRows();
  let rows = 0;
  for (const item of order) {
    const length = lengths[item] ?? 0;
    const fitting = open.take(length);
    if (fitting < 0) open.add(rows, rowLength - length);
    rowOf[item] = fitting < 0 ? rows++ : fitting;
  }
  return gathered(order, rowOf, rows);
}

/** Oldest first. One that comes when all places are taken pushes out the fullest, which may be itself. */
class OpenRows {
  readonly #rows = new Int32Array(OPEN_ROWS + 1);
  readonly #free = new Int32Array(OPEN_ROWS + 1);
  #count = 0;
  /** No row has more room: most searches end here. */
  #most = 0;
  /** Of all rows: one that comes with less is pushed out at once. */
  #least = Infinity;

  /** @returns the first row with so much room, which it has no more; -1 without one. */
  take(length: number): number {
    if (length > this.#most) return -1;
    let most = 0;
    for (let i = 0; i < this.#count; i++) {
      const free = this.#free[i] ?? 0;
      if (free >= length) {
        this.#free[i] = free - length;
        this.#least = Math.min(this.#least, free - length);
        return this.#rows[i] ?? -1;
      }
      most = Math.max(most, free);
    }
    this.#most = most;
    return -1;
  }

  add(row: number, free: number): void {
    if (this.#count === OPEN_ROWS && free < this.#least) return;
    this.#rows[this.#count] = row;
    this.#free[this.#count] = free;
    this.#count++;
    this.#most = Math.max(this.#most, free);
    this.#least = Math.min(this.#least, free);
    if (this.#count > OPEN_ROWS) this.#removeFullest();
  }

  #removeFullest(): void {
    const fullest = this.#free.indexOf(this.#least);
    this.#rows.copyWithin(fullest, fullest + 1, this.#count);
    this.#free.copyWithin(fullest, fullest + 1, this.#count);
    this.#count--;
    this.#least = Math.min(...this.#free.subarray(0, this.#count));
  }
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
  const [items, ends] = [new Uint32Array(count), new Uint32Array(count)];
  for (let row = 0; row < count; row++) {
    items[row] = row;
    ends[row] = row + 1;
  }
  return { items, ends };
}

/** Tokens of each row. */
export function lengthsOfRows({ items, ends }: PackedRows, lengths: ArrayLike<number>): Uint32Array {
  const sums = new Uint32Array(ends.length);
  let at = 0;
  for (let row = 0; row < ends.length; row++) {
    let sum = 0;
    for (const end = ends[row] ?? 0; at < end; at++) sum += lengths[items[at] ?? 0] ?? 0;
    sums[row] = sum;
  }
  return sums;
}
