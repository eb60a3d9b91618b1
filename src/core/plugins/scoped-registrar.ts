// Remembers how to undo everything that one plugin registered.
import type { Container } from '../container';
import type { EventBus } from '../event-bus';
import {
  dataBackendFactory,
  samplingMetricFactory,
  samplingStrategyFactory,
  scheduleFactory,
} from '../factories';
import type { PluginRegistrar } from './plugin';

type Undo = () => void | Promise<void>;

export class ScopedRegistrar implements PluginRegistrar {
  readonly factories = {
    schedule: scheduleFactory,
    dataBackend: dataBackendFactory,
    samplingStrategy: samplingStrategyFactory,
    samplingMetric: samplingMetricFactory,
  };
  readonly #container: Container;
  readonly #bus: EventBus;
  #undo: Undo[] = [];

  constructor(container: Container, bus: EventBus) {
    this.#container = container;
    this.#bus = bus;
  }

  register: PluginRegistrar['register'] = (token, factory, scope, options) => {
    this.#undo.push(this.#container.register(token, factory, scope, options));
  };

  registerValue: PluginRegistrar['registerValue'] = (token, value) => {
    this.#undo.push(this.#container.registerValue(token, value));
  };

  extend: PluginRegistrar['extend'] = (factory, name, create) => {
    if (!this.#container.has(factory)) return;
    this.#undo.push(this.#container.get(factory).register(name, create));
  };

  on: PluginRegistrar['on'] = (type, handler) => {
    this.#undo.push(this.#bus.on(type, handler));
  };

  onDeactivate(undo: Undo): void {
    this.#undo.push(undo);
  }

  /** Newest first; one that fails does not keep the others. @returns what failed. */
  async release(): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (const undo of this.#undo.reverse()) {
      try {
        await undo();
      } catch (error) {
        failures.push(error);
      }
    }
    this.#undo = [];
    return failures;
  }
}
