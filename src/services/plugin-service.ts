// The plugins of this browser: those that ship with the app and those the user added by address, with what is switched
// off kept for the next visit. Registering and undoing is the manager's.
import type { Database } from '../core/database';
import { loadPluginFolder, loadPluginFromUrl, type PluginModules } from '../core/plugins/plugin-loader';
import type { PluginManager, Warn } from '../core/plugins/plugin-manager';
import { Turnstile } from '../lib/async/turnstile';
import { AppError, messageOf } from '../lib/errors';
import type { PluginInfo } from '../protocol/plugins';

const DOCUMENT = 'plugins';

/** What is kept. */
interface PluginChoices {
  /** Addresses the user agreed to, by plugin name. */
  addresses: Record<string, string>;
  inactive: string[];
}

export interface PluginServiceParts {
  manager: PluginManager;
  database: Database;
  warn?: Warn;
  importModule?: (url: string) => Promise<unknown>;
}

/** Whoever calls has asked the user already. */
const agreed = (): Promise<boolean> => Promise.resolve(true);

export class PluginService {
  readonly #parts: PluginServiceParts;
  #choices: PluginChoices = { addresses: {}, inactive: [] };
  readonly #following = new Turnstile();
  #started = false;

  constructor(parts: PluginServiceParts) {
    this.#parts = parts;
  }

  /** Registers what ships and what was added, and switches on all that is not switched off. */
  async start(shipped: PluginModules): Promise<void> {
    const { manager, database } = this.#parts;
    const warn = this.#parts.warn ?? ((message: string, error: unknown) => console.warn(message, error));
    this.#choices =
      ((await database.get('documents', DOCUMENT)) as PluginChoices | undefined) ?? this.#choices;
    await loadPluginFolder(manager, shipped, warn);
    for (const [name, url] of Object.entries(this.#choices.addresses)) {
      await this.#load(url).catch((error: unknown) => {
        warn(`The plugin ${name} was left out: ${messageOf(error)}`, error);
      });
    }
    for (const { name } of manager.list()) {
      if (this.#choices.inactive.includes(name)) continue;
      await manager.activate(name).catch((error: unknown) => {
        warn(`The plugin ${name} was not switched on: ${messageOf(error)}`, error);
      });
    }
  }

  /** Starts, or takes over what another worker's service changed since: that one keeps the choices. Never throws. */
  follow(shipped: PluginModules): Promise<void> {
    return this.#following.pass(async () => {
      if (this.#started) return this.#takeOver();
      this.#started = true;
      await this.start(shipped);
    });
  }

  list(): PluginInfo[] {
    const { addresses } = this.#choices;
    return this.#parts.manager
      .list()
      .map((plugin) => ({ ...plugin, origin: addresses[plugin.name] ?? 'built-in' }));
  }

  async setActive(name: string, active: boolean): Promise<PluginInfo[]> {
    const { manager } = this.#parts;
    await (active ? manager.activate(name) : manager.deactivate(name));
    const others = this.#choices.inactive.filter((other) => other !== name);
    await this.#keep({ ...this.#choices, inactive: active ? others : [...others, name] });
    return this.list();
  }

  /** @throws AppError `plugin.duplicate` where its name is taken, and those of loading and switching on. */
  async add(url: string): Promise<PluginInfo[]> {
    const plugin = await this.#load(url);
    if (plugin === null) {
      throw new AppError(
        'plugin.duplicate',
        `The plugin at ${url} has the name of one that is here already.`,
        {
          details: { url },
          remedy: 'Remove the other one first.',
        },
      );
    }
    try {
      await this.#parts.manager.activate(plugin.name);
    } catch (error) {
      await this.#parts.manager.unregister(plugin.name);
      throw error;
    }
    await this.#keep({ ...this.#choices, addresses: { ...this.#choices.addresses, [plugin.name]: url } });
    return this.list();
  }

  /** @throws AppError `plugin.unknown` for one that ships with the app. */
  async remove(name: string): Promise<PluginInfo[]> {
    const { [name]: address, ...addresses } = this.#choices.addresses;
    if (address === undefined) {
      throw new AppError('plugin.unknown', `No plugin "${name}" was added by its address.`, {
        details: { name },
        remedy: 'Those that ship with the app can only be switched off.',
      });
    }
    await this.#parts.manager.unregister(name);
    const inactive = this.#choices.inactive.filter((other) => other !== name);
    await this.#keep({ addresses, inactive });
    return this.list();
  }

  async #takeOver(): Promise<void> {
    const { manager, database } = this.#parts;
    const before = this.#choices.addresses;
    this.#choices =
      ((await database.get('documents', DOCUMENT)) as PluginChoices | undefined) ?? this.#choices;
    const { addresses, inactive } = this.#choices;
    for (const name of Object.keys(before)) {
      if (addresses[name] === undefined) await this.#tried(name, manager.unregister(name));
    }
    for (const [name, url] of Object.entries(addresses)) {
      if (before[name] === undefined) await this.#tried(name, this.#load(url));
    }
    for (const { name, active } of manager.list()) {
      const wanted = !inactive.includes(name);
      if (wanted !== active)
        await this.#tried(name, wanted ? manager.activate(name) : manager.deactivate(name));
    }
  }

  async #tried(name: string, change: Promise<unknown>): Promise<void> {
    const warn = this.#parts.warn ?? ((message: string, error: unknown) => console.warn(message, error));
    await change.catch((error: unknown) => {
      warn(`The plugin ${name} is not here as it is in the engine: ${messageOf(error)}`, error);
    });
  }

  #load(url: string) {
    const { manager, importModule } = this.#parts;
    return loadPluginFromUrl(manager, url, {
      consent: agreed,
      ...(importModule === undefined ? {} : { importModule }),
    });
  }

  async #keep(choices: PluginChoices): Promise<void> {
    this.#choices = choices;
    await this.#parts.database.put('documents', choices, DOCUMENT);
  }
}
