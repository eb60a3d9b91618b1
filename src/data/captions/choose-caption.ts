// Which variant of a sample's texts a batch sees: a pure function of the seed, the sample and how often it was drawn, so that
// prefetching and resuming change nothing. It draws nothing from a shared generator.
import { AppError } from '../../lib/errors';
import { hashSeed, uniformAt } from '../../lib/random';

/**
 * @param occurrence how often the sample was drawn before, from 0.
 * @throws AppError `internal` where there is nothing to choose from.
 */
export function chooseCaption(
  captions: readonly string[],
  seed: number,
  sampleKey: string,
  occurrence: number,
): string {
  const draw = uniformAt(hashSeed(seed, 'caption', sampleKey, occurrence), 0);
  const chosen = captions[Math.floor(draw * captions.length)];
  if (chosen === undefined) throw new AppError('internal', `There is no caption of ${sampleKey} to choose.`);
  return chosen;
}
