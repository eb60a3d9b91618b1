// What did not fit, told together with what does: a run with a smaller one, a model with a storage that takes less.
import { firstThatFits } from '../core/config/smaller-configs';
import { AppError, hasCode } from '../lib/errors';
import type { ModelEstimate } from '../protocol/engine';
import type { WeightStorage } from '../protocol/models';
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

/**
 * @param error why the model did not load; anything but `engine.out-of-memory` comes back as it is.
 * @param estimate what the model takes in each storage. Where it fails, the error keeps its own remedy.
 */
export async function withStorageThatFits(
  error: unknown,
  storage: WeightStorage,
  estimate: () => Promise<ModelEstimate>,
): Promise<unknown> {
  if (!hasCode(error, 'engine.out-of-memory')) return error;
  const known = await estimate().catch(() => null);
  if (known === null) return error;
  const triedBytes = known.chat.find((fit) => fit.storage === storage)?.bytes ?? Infinity;
  const smaller = known.chat.find(({ fits, bytes }) => fits && bytes < triedBytes) ?? null;
  const fits = smaller === null ? {} : { fits: { storage: smaller.storage }, fitsBytes: smaller.bytes };
  return new AppError('engine.out-of-memory', error.message, {
    details: { ...error.details, ...fits },
    remedy: `${storageRemedy(smaller)}${known.limitBytes === null ? SETTING_HINT : ''}`,
    cause: error,
  });
}

const SETTING_HINT =
  ' Say in Settings, under Engine, how much memory there is for models: they are listed with what fits then.';

function storageRemedy(smaller: { storage: WeightStorage; bytes: number } | null): string {
  if (smaller === null) return 'Choose a smaller model, or close other tabs that use the GPU.';
  const needs = `${Math.ceil(smaller.bytes / MEBIBYTE)} MiB`;
  return `Its weights kept in ${smaller.storage} would take ${needs}: choose that in the chat's list of models.`;
}
