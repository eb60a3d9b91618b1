// Puts sequences together in rows of a fixed length, first fit; one row, one list of sequences.
import { hashSeed, Random } from '../../lib/random';

/** Rows that still take sequences. More would fill little better and cost a search for each sequence. */
const OPEN_ROWS = 64;

/**
 * @param lengths tokens of each sequence, none above `rowLength`.
 * @returns for each row the numbers of its sequences; together they are all numbers once.
 */
export function packFirstFit(lengths: readonly number[], rowLength: number, seed: number): number[][] {
  const order = new Random(hashSeed(seed, 'pack')).shuffle([...lengths.keys()]);
  const rows: number[][] = [];
  let open: { row: number[]; free: number }[] = [];
  for (const item of order) {
    const length = lengths[item] ?? 0;
    const fitting = open.find(({ free }) => free >= length);
    if (fitting !== undefined) {
      fitting.row.push(item);
      fitting.free -= length;
      continue;
    }
    const row = [item];
    rows.push(row);
    open.push({ row, free: rowLength - length });
    if (open.length > OPEN_ROWS) open = withoutFullest(open);
  }
  return rows;
}

function withoutFullest<T extends { free: number }>(open: T[]): T[] {
  const fullest = open.reduce((least, candidate) => (candidate.free < least.free ? candidate : least));
  return open.filter((candidate) => candidate !== fullest);
}
