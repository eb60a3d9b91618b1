// How often each row of a dataset stands in one cycle: once, and once more for each repeat; rows of buckets that are smaller
// than a batch more often, where that is allowed. Each occurrence is drawn for itself.
import { AppError } from '../../lib/errors';

export interface Occurrences {
  /** Tokens of each occurrence. */
  lengths: Uint32Array;
  /** Which row it is. */
  row(occurrence: number): number;
}

export interface OccurrenceRules {
  datasetId: string;
  /** null: not set by hand. */
  repeats: number | null;
  bucketOf: ((length: number) => number) | undefined;
  /** Rows that one optimizer step takes: batch size times accumulation. */
  effectiveBatch: number;
  oversubscribe: boolean;
}

interface SmallBucket {
  bound: number;
  rows: number;
  /** Repeats that would fill a step. */
  minimumRepeats: number;
}

/** A row takes eight bytes for each occurrence. */
const MOST_OCCURRENCES = 1 << 27;

/** @throws AppError `config.invalid` naming each bucket that is too small, or where there are too many occurrences. */
export function occurrencesOf(lengths: Uint32Array, rules: OccurrenceRules): Occurrences {
  const passes = (rules.repeats ?? 0) + 1;
  const count = lengths.length * passes;
  if (count > MOST_OCCURRENCES) throw tooMany(count, rules);
  const small = smallBuckets(lengths, passes, rules);
  if (small.length > 0 && (!rules.oversubscribe || rules.repeats !== null)) throw undersized(small, rules);
  const more = small.length === 0 ? null : padding(lengths, small, rules);
  if (passes === 1 && more === null) return { lengths, row: (occurrence) => occurrence };
  const all = new Uint32Array(count + (more?.length ?? 0));
  for (let pass = 0; pass < passes; pass += 1) all.set(lengths, pass * lengths.length);
  more?.forEach((row, i) => (all[count + i] = lengths[row] ?? 0));
  return {
    lengths: all,
    row: (occurrence) =>
      occurrence < count ? occurrence % lengths.length : (more?.[occurrence - count] ?? 0),
  };
}

function smallBuckets(
  lengths: Uint32Array,
  passes: number,
  { bucketOf, effectiveBatch }: OccurrenceRules,
): SmallBucket[] {
  if (bucketOf === undefined) return [];
  const sizes = new Map<number, number>();
  for (const length of lengths) {
    const bound = bucketOf(length);
    sizes.set(bound, (sizes.get(bound) ?? 0) + 1);
  }
  return [...sizes]
    .filter(([, rows]) => rows * passes < effectiveBatch)
    .map(([bound, rows]) => ({ bound, rows, minimumRepeats: Math.ceil(effectiveBatch / rows) - 1 }))
    .sort((a, b) => a.bound - b.bound);
}

/** The rows of those buckets, as often again as fills a step. */
function padding(lengths: Uint32Array, small: SmallBucket[], { bucketOf }: OccurrenceRules): Uint32Array {
  const repeatsOf = new Map(small.map(({ bound, minimumRepeats }) => [bound, minimumRepeats]));
  const more: number[] = [];
  lengths.forEach((length, row) => {
    const repeats = repeatsOf.get(bucketOf?.(length) ?? 0) ?? 0;
    for (let repeat = 0; repeat < repeats; repeat += 1) more.push(row);
  });
  return Uint32Array.from(more);
}

function undersized(buckets: SmallBucket[], rules: OccurrenceRules): AppError {
  const named = buckets
    .map(({ bound, rows, minimumRepeats }) => `up to ${bound} tokens: ${rows}, repeats ${minimumRepeats}`)
    .join('; ');
  const pad = rules.repeats === null ? ', or allow rows of small buckets to be repeated (oversubscribe)' : '';
  return new AppError(
    'config.invalid',
    `A step takes ${rules.effectiveBatch} rows; buckets with fewer, and the least repeats that fill one: ${named}.`,
    {
      remedy: `Set repeats to ${Math.max(...buckets.map((bucket) => bucket.minimumRepeats))} or more, lower the batch size or the accumulation, add samples${pad}.`,
      details: { datasetId: rules.datasetId, effectiveBatch: rules.effectiveBatch, buckets },
    },
  );
}

function tooMany(count: number, { datasetId, repeats }: OccurrenceRules): AppError {
  return new AppError(
    'config.invalid',
    `With ${repeats} repeats an epoch has ${count} rows of one dataset; ${MOST_OCCURRENCES} are the most.`,
    { remedy: 'Lower its repeats.', details: { datasetId, repeats } },
  );
}
