// Every row once, in batches of rows that are about as long: shuffled, sorted by length inside stretches of 32 batches, cut,
// and the batches shuffled again. Rows of all lengths stand together, so that no batch is ever topped up.
import type { Random } from '../../lib/random';
import type { BatchOrder } from '../../core/sampling';

/** Batches whose rows are sorted by length together, so that neighbours pad little and the order stays random. */
const BATCHES_PER_STRETCH = 32;

/** Always ceil(rows / batchSize) batches; the one with the last rows may be short. */
export function lengthSorted(lengths: Uint32Array, batchSize: number, random: Random): BatchOrder {
  const rows = shuffled(lengths.length, random);
  const stretch = batchSize * BATCHES_PER_STRETCH;
  const sorted = new Uint8Array(Math.ceil(rows.length / stretch));
  // Sorted once a batch of it is asked for: the first batch of millions of rows does not wait for the others.
  const sort = (number: number): void => {
    if (sorted[number] === 1) return;
    sorted[number] = 1;
    rows
      .subarray(number * stretch, (number + 1) * stretch)
      .sort((a, b) => (lengths[a] ?? 0) - (lengths[b] ?? 0) || a - b);
  };
  const batches = shuffled(Math.ceil(rows.length / batchSize), random);
  return {
    count: batches.length,
    rows(batch) {
      const start = (batches[batch] ?? 0) * batchSize;
      sort(Math.floor(start / stretch));
      return rows.subarray(start, start + batchSize);
    },
  };
}

/** The numbers below `count` (Fisher and Yates), with the draws that `Random.shuffle` makes. */
export function shuffled(count: number, random: Random): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i += 1) numbers[i] = i;
  for (let last = count - 1; last > 0; last -= 1) {
    const other = random.integer(last + 1);
    const moved = numbers[last] ?? 0;
    numbers[last] = numbers[other] ?? 0;
    numbers[other] = moved;
  }
  return numbers;
}
