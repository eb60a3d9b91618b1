// The samples whose vectors point where another one does: by cosine, in one pass over what is kept, so that memory holds a block
// of vectors and the best so far.
import { AppError } from '../../lib/errors';
import type { KeptVector } from './kept-vectors';

export interface Found {
  sample: number;
  /** Cosine, -1 to 1. */
  score: number;
}

export interface Search {
  /** The nearest first; of equal ones the earlier sample. */
  best: Found[];
  /** Samples that were compared. */
  searched: number;
  /** Samples that have no vector. */
  missing: number;
}

/** @throws AppError `config.invalid` where the vectors are of another length: another encoder made them. */
export async function findSimilar(
  blocks: AsyncIterable<readonly KeptVector[]>,
  query: Float32Array,
  count: number,
): Promise<Search> {
  const found: Search = { best: [], searched: 0, missing: 0 };
  const length = Math.hypot(...query);
  for await (const block of blocks) {
    for (const { sample, vector } of block) {
      if (vector === null) {
        found.missing += 1;
        continue;
      }
      if (vector.length !== query.length) throw otherLength(query.length, vector.length);
      found.searched += 1;
      insert(found.best, { sample, score: cosine(query, vector, length) }, count);
    }
  }
  return found;
}

function cosine(query: Float32Array, vector: Float32Array, queryLength: number): number {
  let [dot, square] = [0, 0];
  for (let i = 0; i < vector.length; i++) {
    const value = vector[i] ?? 0;
    dot += (query[i] ?? 0) * value;
    square += value * value;
  }
  const lengths = queryLength * Math.sqrt(square);
  return lengths === 0 ? 0 : dot / lengths;
}

/** Keeps `best` in order and no longer than `count`. */
function insert(best: Found[], found: Found, count: number): void {
  const last = best.at(-1);
  if (best.length >= count && last !== undefined && found.score <= last.score) return;
  let at = best.length;
  while (at > 0 && (best[at - 1]?.score ?? Infinity) < found.score) at -= 1;
  best.splice(at, 0, found);
  if (best.length > count) best.pop();
}

function otherLength(asked: number, kept: number): AppError {
  return new AppError('config.invalid', `The text has a vector of ${asked} values, the rows of ${kept}.`, {
    remedy: 'Encode the dataset again with this model.',
    details: { asked, kept },
  });
}
