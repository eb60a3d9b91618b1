// What changed in a configuration since its samples were read, of what decides what is read. The rest may change freely: it
// is looked up when batches are made.
import type { BackendConfigJson, ConfigDrift } from '../../../protocol/backends';
import type { BackendTypePlugin } from './backend-entries';
import { completedConfig } from './backend-config';

/**
 * Settings that do not change what was read. SimpleTuner's list, without what decides on the text of a sample, and on how a picture is
 * cropped: it reads and crops while it trains, here all that is in the dataset.
 */
export const FREE_TO_CHANGE: ReadonlySet<string> = new Set([
  'probability',
  'repeats',
  'start_epoch',
  'end_epoch',
  'start_step',
  'end_step',
  'train_batch_size',
  'vae_cache_clear_each_epoch',
  'video',
  'conditioning',
  'conditioning_data',
  'hash_filenames',
  'ignore_epochs',
  'disable_after_epoch_step',
  'is_regularisation_data',
  'slider_strength',
  'cache_dir',
  'write_batch_size',
  'compress_cache',
  'metadata_update_interval',
  'max_pool_connections',
  'num_proc',
  'truncation_mode',
  'text_cache_ondemand',
  'text_cache_disable',
  'vae_cache_ondemand',
  'vae_cache_disable',
  'text_encoder_batch_size',
  // What made the vectors is compared with it where they are shown.
  'encoder',
]);

/** A disabled backend is dropped before it is compared with anything. */
const NEVER_COMPARED: ReadonlySet<string> = new Set(['disabled', 'disable']);

/** Settings that are unset are compared by their defaults; what is set to its default is no change. In the order of names. */
export function configDrift(
  built: BackendConfigJson,
  now: BackendConfigJson,
  plugins: readonly BackendTypePlugin[] = [],
): ConfigDrift[] {
  const [before, after] = [completedConfig(built, plugins), completedConfig(now, plugins)];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return keys
    .filter((key) => !FREE_TO_CHANGE.has(key) && !NEVER_COMPARED.has(key))
    .filter((key) => canonical(before[key]) !== canonical(after[key]))
    .map((key) => ({ key, built: before[key] ?? null, now: after[key] ?? null }));
}

/** Equal values give equal text, in whatever order their names were written. */
function canonical(value: unknown): string {
  if (value === undefined) return 'null';
  return JSON.stringify(value, (_, item: unknown) => {
    if (item === null || typeof item !== 'object' || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
