// `max_num_samples`: which samples of a dataset are used where not all are. Pure: the same ones for the same id and number.
import { hashSeed, Random } from '../../lib/random';

/**
 * @param count samples that there are, in an order that depends on the data only.
 * @returns numbers of those that are used, ascending; null where all are.
 */
export function chooseSamples(count: number, limit: number | null, datasetId: string): number[] | null {
  if (limit === null || count <= limit) return null;
  const numbers = Array.from({ length: count }, (_, i) => i);
  const chosen = new Random(hashSeed('max_num_samples', datasetId)).shuffle(numbers).slice(0, limit);
  return chosen.sort((a, b) => a - b);
}
