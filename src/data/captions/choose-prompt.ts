// Which of several instance prompts a sample is asked with: always the same one, whatever was read before it.
import { AppError } from '../../lib/errors';
import { hashSeed, uniformAt } from '../../lib/random';

/** @throws AppError `internal` where there is nothing to choose from. */
export function choosePrompt(prompts: readonly string[], sampleKey: string): string {
  const draw = uniformAt(hashSeed('instance prompt', sampleKey), 0);
  const chosen = prompts[Math.floor(draw * prompts.length)];
  if (chosen === undefined) throw new AppError('internal', `There is no prompt for ${sampleKey} to choose.`);
  return chosen;
}
