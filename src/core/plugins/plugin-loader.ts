// Where plugins come from: the modules of a folder, and a URL that the user agreed to.
import { AppError, messageOf } from '../../lib/errors';
import { pluginOf, type Plugin } from './plugin';
import type { PluginManager, Warn } from './plugin-manager';

/** What `import.meta.glob('/src/plugins/*.ts')` gives. */
export type PluginModules = Record<string, () => Promise<unknown>>;

/**
 * Registers every plugin of a folder; names that start with `_` and tests are none. A bad one is a warning.
 * @returns the names registered.
 */
export async function loadPluginFolder(
  manager: PluginManager,
  modules: PluginModules,
  warn: Warn = (message, error) => console.warn(message, error),
): Promise<string[]> {
  const names: string[] = [];
  for (const [path, load] of Object.entries(modules)) {
    if (isNoPlugin(path)) continue;
    try {
      const plugin = pluginOf(await load(), path);
      if (manager.register(plugin)) names.push(plugin.name);
    } catch (error) {
      warn(`The plugin in ${path} was left out: ${messageOf(error)}`, error);
    }
  }
  return names;
}

export interface UrlLoading {
  /** Asks the user; a plugin can do everything the page can. Only its `true` lets code in. */
  consent: (url: URL) => Promise<boolean>;
  importModule?: (url: string) => Promise<unknown>;
}

/**
 * Registers the plugin of a module of the user's choice.
 * @returns null where the user declined, or the name is taken.
 * @throws AppError `plugin.invalid` for an address that is not https or blob, or a module that holds no plugin.
 */
export async function loadPluginFromUrl(
  manager: PluginManager,
  address: string,
  { consent, importModule = importByUrl }: UrlLoading,
): Promise<Plugin | null> {
  const url = parseAddress(address);
  if (!(await consent(url))) return null;
  let module: unknown;
  try {
    module = await importModule(url.href);
  } catch (cause) {
    throw new AppError('plugin.invalid', `${url.href} could not be loaded: ${messageOf(cause)}`, {
      details: { url: url.href },
      remedy: 'Check the address; its server must allow other sites to read it (CORS).',
      cause,
    });
  }
  const plugin = pluginOf(module, url.href);
  return manager.register(plugin) ? plugin : null;
}

const importByUrl = (url: string): Promise<unknown> => import(/* @vite-ignore */ url) as Promise<unknown>;

function parseAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : null;
  const local = url?.hostname === 'localhost' || url?.hostname === '127.0.0.1';
  const allowed =
    url?.protocol === 'https:' || url?.protocol === 'blob:' || (url?.protocol === 'http:' && local);
  if (url !== null && allowed) return url;
  throw new AppError('plugin.invalid', `"${address}" is no address a plugin can come from.`, {
    details: { url: address },
    remedy: 'Use an https address or a file.',
  });
}

function isNoPlugin(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return name.startsWith('_') || name.includes('.test.');
}
