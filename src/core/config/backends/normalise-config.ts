// Brings what was written to the names and forms that the schemas know: older names, settings that have no effect here, and
// what follows from the place. It checks nothing but what can no longer be seen afterwards.
import type { BackendProblem } from '../../../protocol/backends';
import { isPlainObject } from '../merge';
import { SETTINGS_WITHOUT_EFFECT } from './settings-without-effect';

type Written = Readonly<Record<string, unknown>>;

export interface NormalisedConfig {
  config: Record<string, unknown>;
  problems: BackendProblem[];
  warnings: BackendProblem[];
}

/** Known elsewhere, without a meaning for language models in a browser. */
const INAPPLICABLE = [
  'video',
  'audio',
  'conditioning',
  'conditioning_type',
  'conditioning_image_embeds',
  'timestep_sampling_offset',
  'instance_data_root',
] as const;

const NOT_OF_LANGUAGE = {
  fact: 'concerns diffusion models and has no effect here',
  remedy: 'Remove it.',
};

const IGNORED: Readonly<Record<string, { fact: string; remedy: string }>> = {
  hash_filenames: { fact: 'is always on', remedy: 'Remove it.' },
  ignore_epochs: { fact: 'is deprecated and has no effect', remedy: 'Remove it; use repeats and end_epoch.' },
  delete_unwanted_images: {
    fact: 'is ignored: no file of yours is ever deleted',
    remedy: 'Remove it; what is left out stands in the report.',
  },
  delete_problematic_images: {
    fact: 'is ignored: no file of yours is ever deleted',
    remedy: 'Remove it; broken files are set aside and stand in the report.',
  },
  ...Object.fromEntries(INAPPLICABLE.map((key) => [key, NOT_OF_LANGUAGE])),
};

/** Of the table about files: columns that concern boxes and videos. */
const COLUMNS_WITHOUT_EFFECT = ['bbox_column', 'num_frames_column', 'fps_column'];

/** @param path where the configuration stands: `[2].`, or '' where it is the only one. */
export function normaliseConfig(written: Written, path: string): NormalisedConfig {
  const result: NormalisedConfig = { config: {}, problems: [], warnings: [] };
  for (const [key, value] of Object.entries(written)) {
    const ignored = Object.hasOwn(IGNORED, key) ? IGNORED[key] : undefined;
    if (key === 'disable_vae_cache') result.problems.push(renamed(path));
    else if (ignored !== undefined) result.warnings.push(ignoredWarning(path, key, ignored));
    // null is how a setting is left unset.
    else if (value !== null) define(result.config, key, value);
  }
  withoutEffect(result, path);
  kinds(result.config);
  hubBlock(result.config);
  metadataBackend(result, path);
  tableColumns(result, path);
  return result;
}

function withoutEffect({ config, warnings }: NormalisedConfig, path: string) {
  for (const [key, reason] of Object.entries(SETTINGS_WITHOUT_EFFECT)) {
    if (!Object.hasOwn(config, key)) continue;
    warnings.push({
      path: path + key,
      message: `${key} has no effect here: ${reason}.`,
      remedy: 'Remove it.',
    });
  }
}

function renamed(path: string): BackendProblem {
  return {
    path: `${path}disable_vae_cache`,
    message: 'disable_vae_cache is an old name that is no longer read.',
    remedy: 'Write vae_cache_disable.',
  };
}

function ignoredWarning(
  path: string,
  key: string,
  { fact, remedy }: { fact: string; remedy: string },
): BackendProblem {
  return { path: path + key, message: `${key} ${fact}.`, remedy };
}

/** A key named __proto__ stays an ordinary one, to be refused like any other unknown key. */
function define(config: Record<string, unknown>, key: string, value: unknown) {
  Object.defineProperty(config, key, { value, enumerable: true, configurable: true, writable: true });
}

function kinds(config: Record<string, unknown>) {
  for (const [key, fallback] of [
    ['dataset_type', 'text'],
    ['type', 'local'],
  ] as const) {
    const value = config[key] ?? fallback;
    config[key] = typeof value === 'string' ? value.trim().toLowerCase() : value;
  }
  if (Object.hasOwn(config, 'disable')) {
    config['disabled'] ??= config['disable'];
    delete config['disable'];
  }
}

/** Some write what concerns the hub as a block of its own. */
function hubBlock(config: Record<string, unknown>) {
  const block = config['huggingface'];
  if (config['type'] !== 'huggingface' || !isPlainObject(block)) return;
  delete config['huggingface'];
  for (const [key, value] of Object.entries(block)) {
    if (value !== null && !Object.hasOwn(config, key)) define(config, key, value);
  }
}

function metadataBackend({ config, warnings }: NormalisedConfig, path: string) {
  if (config['metadata_backend'] === 'json') config['metadata_backend'] = 'discovery';
  if (config['metadata_backend'] !== 'filesystem') return;
  config['metadata_backend'] = 'discovery';
  warnings.push({
    path: `${path}metadata_backend`,
    message: 'metadata_backend filesystem is deprecated.',
    remedy: 'Write discovery.',
  });
}

function tableColumns({ config, warnings }: NormalisedConfig, path: string) {
  const { parquet } = config;
  if (!isPlainObject(parquet)) return;
  const unread = COLUMNS_WITHOUT_EFFECT.filter((key) => Object.hasOwn(parquet, key));
  for (const key of unread) warnings.push(ignoredWarning(path, `parquet.${key}`, NOT_OF_LANGUAGE));
  config['parquet'] = Object.fromEntries(Object.entries(parquet).filter(([key]) => !unread.includes(key)));
}
