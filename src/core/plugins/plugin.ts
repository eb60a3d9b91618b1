// What a plugin is. Everything it adds goes through the registrar, so that switching it off takes everything back.
import { AppError } from '../../lib/errors';
import type { EventType } from '../../protocol/events';
import type { Factory, RegisterOptions, Scope, Token } from '../container';
import type { EventHandler } from '../event-bus';
import type { BackendBuilder, Schedule } from '../factories';
import type { Create, DynamicFactory } from '../factory';
import type { SamplingMetric, SamplingStrategy } from '../sampling';

export interface Plugin {
  name: string;
  /** Semantic version. */
  version: string;
  /** What it brings, one sentence for people. */
  description?: string;
  /** Other plugins by name, with the range of versions it works with. */
  dependencies?: Record<string, string>;
  /** Registers what the plugin brings; it is all taken back if this fails. */
  activate(registrar: PluginRegistrar): void | Promise<void>;
  /** Before its registrations are taken back. */
  deactivate?(): void | Promise<void>;
}

export interface PluginRegistrar {
  /** What `extend` takes, for a module of another site: it can import nothing of this one. */
  readonly factories: {
    readonly schedule: Token<DynamicFactory<Schedule>>;
    readonly dataBackend: Token<DynamicFactory<BackendBuilder>>;
    readonly samplingStrategy: Token<DynamicFactory<SamplingStrategy>>;
    readonly samplingMetric: Token<DynamicFactory<SamplingMetric>>;
  };
  register<T>(token: Token<T>, factory: Factory<T>, scope?: Scope, options?: RegisterOptions<T>): void;
  registerValue<T>(token: Token<T>, value: T): void;
  /** Adds a product to one of the named factories, in the worker that has it: a plugin is switched on in each. */
  extend<Base, Options>(
    factory: Token<DynamicFactory<Base, Options>>,
    name: string,
    create: Create<Base, Options>,
  ): void;
  on<Type extends EventType>(type: Type, handler: EventHandler<Type>): void;
  /** Anything else that has to be undone. */
  onDeactivate(undo: () => void | Promise<void>): void;
}

/**
 * The plugin that a module exports as default or under the name `plugin`.
 * @throws AppError `plugin.invalid`.
 */
export function pluginOf(module: unknown, origin: string): Plugin {
  const candidate: unknown =
    typeof module === 'object' && module !== null
      ? (Reflect.get(module, 'default') ?? Reflect.get(module, 'plugin'))
      : null;
  if (isPlugin(candidate)) return candidate;
  throw new AppError('plugin.invalid', `${origin} exports no plugin.`, {
    details: { origin },
    remedy: 'Export { name, version, activate } as default.',
  });
}

function isPlugin(value: unknown): value is Plugin {
  if (typeof value !== 'object' || value === null) return false;
  const has = (key: string, type: string) => typeof Reflect.get(value, key) === type;
  const dependencies: unknown = Reflect.get(value, 'dependencies') ?? {};
  return (
    has('name', 'string') &&
    Reflect.get(value, 'name') !== '' &&
    has('version', 'string') &&
    has('activate', 'function') &&
    typeof dependencies === 'object' &&
    dependencies !== null &&
    Object.values(dependencies).every((range) => typeof range === 'string')
  );
}
