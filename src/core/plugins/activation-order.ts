// Which plugins have to be active before which. Pure: it decides, the manager does.
import satisfies from 'semver/functions/satisfies';
import { AppError } from '../../lib/errors';
import { suggestion } from '../did-you-mean';
import type { Plugin } from './plugin';

/**
 * @returns the named plugins and all they need, each after its dependencies.
 * @throws AppError `plugin.missing-dependency` (lists all), `plugin.version`, `plugin.cycle` (names the path),
 *   `plugin.unknown`.
 */
export function activationOrder(names: string[], plugins: ReadonlyMap<string, Plugin>): Plugin[] {
  const order = new Set<Plugin>();
  const visit = (name: string, path: string[]): void => {
    if (path.includes(name)) throw cycle([...path.slice(path.indexOf(name)), name]);
    const plugin = known(name, plugins);
    if (order.has(plugin)) return;
    assertDependencies(plugin, plugins);
    for (const dependency of Object.keys(plugin.dependencies ?? {})) visit(dependency, [...path, name]);
    order.add(plugin);
  };
  for (const name of names) visit(name, []);
  return [...order];
}

export function known(name: string, plugins: ReadonlyMap<string, Plugin>): Plugin {
  const plugin = plugins.get(name);
  if (plugin !== undefined) return plugin;
  throw new AppError('plugin.unknown', `There is no plugin "${name}".`, {
    details: { name },
    remedy: suggestion(name, [...plugins.keys()].sort()),
  });
}

function assertDependencies({ name, dependencies = {} }: Plugin, plugins: ReadonlyMap<string, Plugin>): void {
  const missing = Object.keys(dependencies).filter((dependency) => !plugins.has(dependency));
  if (missing.length > 0) {
    throw new AppError('plugin.missing-dependency', `${name} needs ${missing.join(', ')}.`, {
      details: { name, missing },
      remedy: 'Install what is missing, then switch it on again.',
    });
  }
  for (const [dependency, range] of Object.entries(dependencies)) {
    const version = plugins.get(dependency)?.version ?? '';
    if (satisfies(version, range)) continue;
    throw new AppError('plugin.version', `${name} needs ${dependency} ${range}; ${version} is installed.`, {
      details: { name, dependency, range, version },
      remedy: `Install a ${dependency} of that range, or another ${name}.`,
    });
  }
}

function cycle(path: string[]): AppError {
  return new AppError('plugin.cycle', `Plugins need each other in a circle: ${path.join(' -> ')}.`, {
    details: { path },
  });
}
