// `max_num_samples`: which samples of a dataset are used where not all are. Pure: the same ones for the same id and keys, in
// whatever order they were found.
import { AppError } from '../../lib/errors';
import { hashSeed, Random } from '../../lib/random';

/**
 * @param limit null keeps all, in their order.
 * @throws AppError `config.invalid` unless the limit is a positive whole number.
 */
export function limitSamples(keys: readonly string[], limit: number | null, datasetId: string): string[] {
  if (limit === null) return [...keys];
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new AppError('config.invalid', `max_num_samples of "${datasetId}" is ${limit}.`, {
      remedy: 'Use a whole number from 1, or leave it out for all samples.',
      details: { id: datasetId, limit },
    });
  }
  if (keys.length <= limit) return [...keys];
  return new Random(hashSeed('max_num_samples', datasetId)).shuffle([...keys].sort()).slice(0, limit);
}
