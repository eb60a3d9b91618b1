// A run that did not fit, told together with a smaller one that does.
import { firstThatFits } from '../core/config/smaller-configs';
import { AppError, hasCode } from '../lib/errors';
import type { MemoryEstimate, TrainingConfig } from '../protocol/training';

const MEBIBYTE = 1024 ** 2;

/**
 * @param error why the run ended; anything but `engine.out-of-memory` comes back as it is.
 * @param estimate what a configuration takes. Where it fails, or nothing smaller fits, the error keeps its own remedy.
 */
export async function withWhatFits(
  error: unknown,
  config: TrainingConfig,
  estimate: (config: TrainingConfig) => Promise<MemoryEstimate>,
): Promise<Error> {
  if (!hasCode(error, 'engine.out-of-memory'))
    return error instanceof Error ? error : new Error(String(error));
  const smaller = await firstThatFits(config, estimate).catch(() => null);
  if (smaller === null) return error;
  const settings = Object.entries(smaller.change).map(
    ([key, value]) => `${key} ${JSON.stringify(value).replaceAll('"', '')}`,
  );
  return new AppError('engine.out-of-memory', error.message, {
    details: { ...error.details, fits: smaller.change, fitsBytes: smaller.bytes },
    remedy: `This would fit: ${settings.join(', ')} (${Math.ceil(smaller.bytes / MEBIBYTE)} MiB).`,
    cause: error,
  });
}
