// Configurations of data backends: their shape, their checks, what fills them in and what tells them apart.
export { backendConfig } from './backend-config';
export { configDrift } from './drift';
export { parseBackendConfigs, type ConfigContext } from './parse-backend-configs';
export type { BackendConfig, TextBackendConfig } from './schema';
export { sortByDependency } from './sort-by-dependency';
