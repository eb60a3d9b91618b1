// The places that come with the app, by their type, and how one is opened. Plugins add theirs to the same factory.
import { pluginSettings, type BackendTypePlugin } from '../../core/config/backends';
import { createDataBackendFactory, type BackendBuilder } from '../../core/factories';
import type { DynamicFactory } from '../../core/factory';
import { createAwsBackend } from '../backends/aws-backend';
import type { BackendOptions } from '../backends/backend-options';
import { createCsvBackend } from '../backends/csv-backend';
import type { DataBackend } from '../backends/data-backend';
import { createHuggingFaceBackend } from '../backends/huggingface-backend';
import { createLocalBackend } from '../backends/local-backend';
import { createMemoryBackend } from '../backends/memory-backend';
import { openPluginPlace } from '../backends/plugin-place';

export type BackendFactory = DynamicFactory<BackendBuilder>;

const BUILT_IN: Readonly<Record<string, (options: BackendOptions) => DataBackend>> = {
  aws: createAwsBackend,
  csv: createCsvBackend,
  huggingface: createHuggingFaceBackend,
  local: createLocalBackend,
  memory: createMemoryBackend,
};

export function createBackendFactory(): BackendFactory {
  const factory = createDataBackendFactory();
  for (const [type, open] of Object.entries(BUILT_IN)) factory.register(type, () => ({ open }));
  return factory;
}

/** @throws AppError `factory.unknown`, `factory.invalid` where a plugin opens none, and why it could not be opened. */
export function openBackend(factory: BackendFactory, options: BackendOptions): DataBackend {
  const type = String(options.config['type']);
  const builtIn = BUILT_IN[type];
  const builder = factory.create(type);
  // A plugin may have put its own in the place of a built-in one.
  if (builtIn !== undefined && builder.open === builtIn) return builtIn(options);
  return openPluginPlace(builder.open(options), options);
}

/** The places that plugins added. */
export function pluginPlaces(factory: BackendFactory): BackendTypePlugin[] {
  const added = factory.list().filter((type) => !Object.hasOwn(BUILT_IN, type));
  return added.map((type) => ({ type, entries: pluginSettings(factory.create(type).settings ?? {}) }));
}
