// Configurations of data backends: their shape, their checks, what fills them in and what tells them apart.
export { backendConfig } from './backend-config';
export type { BackendTypePlugin } from './backend-entries';
export { configDrift } from './drift';
export { CAPTION_STRATEGIES, type CaptionStrategy } from './fields/caption-fields';
export { parseBackendConfigs, type ConfigContext } from './parse-backend-configs';
export { pluginSettings } from './plugin-settings';
export type { BackendConfig, TextBackendConfig } from './schema';
export { sortByDependency } from './sort-by-dependency';
