// Registers plugins, switches them on in the order they need each other and off again without leaving anything
// behind. One bad plugin is a warning and never stops the others. Loading is plugin-loader.ts.
import valid from 'semver/functions/valid';
import { Turnstile } from '../../lib/async/turnstile';
import { AppError, messageOf } from '../../lib/errors';
import type { Container } from '../container';
import type { EventBus } from '../event-bus';
import { activationOrder, known } from './activation-order';
import type { PluginInfo } from '../../protocol/plugins';
import type { Plugin } from './plugin';
import { ScopedRegistrar } from './scoped-registrar';

export type Warn = (message: string, error: unknown) => void;

export class PluginManager {
  readonly #container: Container;
  readonly #bus: EventBus;
  readonly #warn: Warn;
  readonly #plugins = new Map<string, Plugin>();
  /** In order of activation. */
  readonly #active = new Map<string, ScopedRegistrar>();
  /** Switching is asynchronous: two changes at once would see each other half done. */
  readonly #changes = new Turnstile();

  constructor(
    container: Container,
    bus: EventBus,
    warn: Warn = (message, error) => console.warn(message, error),
  ) {
    this.#container = container;
    this.#bus = bus;
    this.#warn = warn;
  }

  /**
   * @returns false, with a warning, where the name is taken.
   * @throws AppError `plugin.version` where its version is none.
   */
  register(plugin: Plugin): boolean {
    if (valid(plugin.version) === null) {
      throw new AppError('plugin.version', `${plugin.name} has the version "${plugin.version}".`, {
        details: { name: plugin.name, version: plugin.version },
        remedy: 'Give it a semantic version such as 1.0.0.',
      });
    }
    if (this.#plugins.has(plugin.name)) {
      const fact = `A plugin "${plugin.name}" is registered already; the second one is ignored.`;
      this.#warn(fact, new AppError('plugin.duplicate', fact));
      return false;
    }
    this.#plugins.set(plugin.name, plugin);
    return true;
  }

  /**
   * Switches a plugin on, after all it needs. Active ones are left as they are.
   * @throws AppError of activation-order.ts, or `plugin.invalid` where its own code fails: nothing of it stays.
   */
  activate(name: string): Promise<void> {
    return this.#changes.pass(async () => {
      for (const plugin of activationOrder([name], this.#plugins)) await this.#switchOn(plugin);
    });
  }

  /** Switches on all that can be. @returns the names of those that could not, each with a warning. */
  async activateAll(): Promise<string[]> {
    const failed: string[] = [];
    for (const name of this.#plugins.keys()) {
      try {
        await this.activate(name);
      } catch (error) {
        failed.push(name);
        this.#warn(`The plugin ${name} was not switched on: ${messageOf(error)}`, error);
      }
    }
    return failed;
  }

  /**
   * Takes back everything the plugin registered, even where its own clean-up fails (a warning).
   * @throws AppError `plugin.in-use` while an active plugin needs it, `plugin.unknown`.
   */
  deactivate(name: string): Promise<void> {
    return this.#changes.pass(async () => {
      known(name, this.#plugins);
      const dependents = this.#activeDependents(name);
      if (dependents.length > 0) {
        throw new AppError('plugin.in-use', `${name} is needed by ${dependents.join(', ')}.`, {
          details: { name, dependents },
          remedy: `Switch ${dependents.join(', ')} off first.`,
        });
      }
      await this.#switchOff(name);
    });
  }

  /** Deactivates it first. */
  async unregister(name: string): Promise<void> {
    await this.deactivate(name);
    this.#plugins.delete(name);
  }

  isActive(name: string): boolean {
    return this.#active.has(name);
  }

  /** Where each came from is the loader's to know. */
  list(): Omit<PluginInfo, 'origin'>[] {
    return [...this.#plugins.values()].map(({ name, version, description = '', dependencies = {} }) => ({
      name,
      version,
      description,
      dependencies: { ...dependencies },
      active: this.#active.has(name),
    }));
  }

  /** Switches everything off, the newest first. */
  dispose(): Promise<void> {
    return this.#changes.pass(async () => {
      for (const name of [...this.#active.keys()].reverse()) await this.#switchOff(name);
    });
  }

  async #switchOn(plugin: Plugin): Promise<void> {
    if (this.#active.has(plugin.name)) return;
    const registrar = new ScopedRegistrar(this.#container, this.#bus);
    try {
      await plugin.activate(registrar);
    } catch (cause) {
      await this.#release(plugin.name, registrar);
      throw new AppError('plugin.invalid', `${plugin.name} could not be switched on: ${messageOf(cause)}`, {
        details: { name: plugin.name },
        remedy: 'Remove the plugin, or ask its author.',
        cause,
      });
    }
    this.#active.set(plugin.name, registrar);
  }

  async #switchOff(name: string): Promise<void> {
    const registrar = this.#active.get(name);
    if (registrar === undefined) return;
    this.#active.delete(name);
    try {
      await this.#plugins.get(name)?.deactivate?.();
    } catch (error) {
      this.#warn(`The plugin ${name} failed while it was switched off.`, error);
    }
    await this.#release(name, registrar);
  }

  async #release(name: string, registrar: ScopedRegistrar): Promise<void> {
    const failures = await registrar.release();
    for (const failure of failures) this.#warn(`The plugin ${name} could not take something back.`, failure);
  }

  #activeDependents(name: string): string[] {
    return [...this.#active.keys()].filter((other) =>
      Object.hasOwn(this.#plugins.get(other)?.dependencies ?? {}, name),
    );
  }
}
