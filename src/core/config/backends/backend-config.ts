// One configuration, checked and completed: defaults in place, and what follows from other settings worked out. The stored
// configuration stays as it was written; this is what builders read.
import * as v from 'valibot';
import { AppError } from '../../../lib/errors';
import type { BackendConfigJson, BackendProblem } from '../../../protocol/backends';
import { isDatasetType } from './dataset-types';
import { entriesOf, isBackendType, type BackendTypePlugin } from './backend-entries';
import { checkConfig } from './check-config';
import { impliedSettings } from './implied-settings';
import { normaliseConfig } from './normalise-config';
import { backendSchema, type BackendConfig } from './schema';

/** @throws AppError `config.invalid`: the first problem, all of them in `details.problems`. */
export function backendConfig(
  json: BackendConfigJson,
  plugins: readonly BackendTypePlugin[] = [],
): BackendConfig {
  const { config, problems } = checkConfig(json, '', plugins);
  if (problems.length > 0) throw configError(problems, json.id);
  // checkConfig passed: the shape of this kind and place takes it.
  return v.parse(shapeOf(config, plugins), impliedSettings(config)) as BackendConfig;
}

export function configError(problems: readonly BackendProblem[], id: string): AppError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new AppError('config.invalid', `Backend "${id}": ${first?.message ?? 'it is not valid.'}${more}`, {
    details: { path: first?.path ?? '', problems },
    remedy: problems.map(({ path, remedy }) => (path === '' ? remedy : `${path}: ${remedy}`)).join(' '),
  });
}

/** With defaults where they can be told, whatever else is wrong with it. JSON again: sets are written as they were. */
export function completedConfig(
  json: BackendConfigJson,
  plugins: readonly BackendTypePlugin[],
): Record<string, unknown> {
  const { config } = normaliseConfig(json, '');
  const implied = impliedSettings(config);
  const kind = implied['dataset_type'];
  if (!isDatasetType(kind)) return implied;
  const defaults = Object.entries(entriesOf(kind, String(implied['type']), plugins)).flatMap(
    ([key, entry]) => {
      const fallback: unknown = v.getDefault(entry);
      return fallback === undefined ? [] : [[key, fallback] as const];
    },
  );
  return { ...Object.fromEntries(defaults), ...implied };
}

function shapeOf(config: Record<string, unknown>, plugins: readonly BackendTypePlugin[]): v.GenericSchema {
  const { dataset_type: kind, type } = config;
  if (isBackendType(type) || !isDatasetType(kind)) return backendSchema;
  return v.strictObject({
    ...entriesOf(kind, String(type), plugins),
    dataset_type: v.literal(kind),
    type: v.string(),
  });
}
