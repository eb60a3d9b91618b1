// Makes data backends by their type. Plugins add theirs to the same factory.
import { DynamicFactory } from '../../core/factory';
import { createAwsBackend } from '../backends/aws-backend';
import type { BackendOptions } from '../backends/backend-options';
import type { DataBackend } from '../backends/data-backend';
import { createLocalBackend } from '../backends/local-backend';
import { createMemoryBackend } from '../backends/memory-backend';

export type BackendFactory = DynamicFactory<DataBackend, BackendOptions>;

const METHODS = [
  'describe',
  'check',
  'list',
  'exists',
  'read',
  'open',
  'openStream',
  'write',
  'close',
] as const;

export function createBackendFactory(): BackendFactory {
  const factory: BackendFactory = new DynamicFactory('data backend', isBackend);
  factory.register('aws', createAwsBackend);
  factory.register('local', createLocalBackend);
  factory.register('memory', createMemoryBackend);
  return factory;
}

function isBackend(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return METHODS.every((method) => typeof Reflect.get(value, method) === 'function');
}
