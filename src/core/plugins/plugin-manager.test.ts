import { describe, expect, test, vi } from 'vitest';
import wsd from '../../plugins/wsd-schedule';
import { Container, createToken } from '../container';
import { EventBus } from '../event-bus';
import { factories, scheduleFactory } from '../factories';
import type { Plugin } from './plugin';
import { loadPluginFolder, loadPluginFromUrl } from './plugin-loader';
import { PluginManager } from './plugin-manager';

const quiet = () => undefined;

function setUp(...plugins: Plugin[]) {
  const container = new Container().addProvider(factories);
  const bus = new EventBus({ log: quiet });
  const warn = vi.fn();
  const manager = new PluginManager(container, bus, warn);
  for (const plugin of plugins) manager.register(plugin);
  return { container, bus, warn, manager };
}

/** A plugin that writes down what happens to it. */
function noted(
  log: string[],
  name: string,
  dependencies: Record<string, string> = {},
  version = '1.0.0',
): Plugin {
  return {
    name,
    version,
    dependencies,
    activate: () => void log.push(`+${name}`),
    deactivate: () => void log.push(`-${name}`),
  };
}

describe('plugin manager', () => {
  test('plugin manager: activates what is needed first and disposes in reverse', async () => {
    const log: string[] = [];
    const { manager } = setUp(
      noted(log, 'c', { b: '^1.0.0', a: '*' }),
      noted(log, 'b', { a: '>=1' }),
      noted(log, 'a'),
    );
    await manager.activate('c');
    await manager.activate('c');
    await manager.dispose();
    expect(log).toEqual(['+a', '+b', '+c', '-c', '-b', '-a']);
  });

  test('plugin manager: missing, unfit and circular dependencies are named', async () => {
    const log: string[] = [];
    const { manager } = setUp(
      noted(log, 'lonely', { x: '*', y: '*' }),
      noted(log, 'old', { base: '^2.0.0' }),
      noted(log, 'base', {}, '1.4.0'),
      noted(log, 'left', { right: '*' }),
      noted(log, 'right', { left: '*' }),
    );
    await expect(manager.activate('lonely')).rejects.toMatchObject({
      code: 'plugin.missing-dependency',
      message: 'lonely needs x, y.',
    });
    await expect(manager.activate('old')).rejects.toMatchObject({
      code: 'plugin.version',
      message: 'old needs base ^2.0.0; 1.4.0 is installed.',
    });
    await expect(manager.activate('left')).rejects.toMatchObject({
      code: 'plugin.cycle',
      message: 'Plugins need each other in a circle: left -> right -> left.',
    });
    await expect(manager.activate('bsae')).rejects.toMatchObject({
      code: 'plugin.unknown',
      remedy: 'Did you mean "base"?',
    });
    expect(await manager.activateAll()).toEqual(['lonely', 'old', 'left', 'right']);
    expect(log).toEqual(['+base']);
  });

  test('plugin manager: deactivation takes back services, factory entries, handlers and the rest', async () => {
    const Service = createToken<number>('service');
    const heard = vi.fn();
    const undone = vi.fn();
    const { manager, container, bus } = setUp({
      name: 'all',
      version: '1.0.0',
      activate(registrar) {
        registrar.registerValue(Service, 3);
        registrar.extend(scheduleFactory, 'flat', () => () => 1);
        registrar.on('training.epoch', heard);
        registrar.onDeactivate(undone);
      },
    });
    await manager.activate('all');
    expect(container.get(Service)).toBe(3);
    expect(container.get(scheduleFactory).list()).toEqual(['flat']);
    await manager.deactivate('all');
    bus.emit('training.epoch', { runId: 'r', epoch: 1 }, 'test');
    expect(container.has(Service)).toBe(false);
    expect(container.get(scheduleFactory).list()).toEqual([]);
    expect(heard).not.toHaveBeenCalled();
    expect(undone).toHaveBeenCalledOnce();
    await manager.activate('all');
    expect(container.get(Service)).toBe(3);
  });

  test('plugin manager: a plugin in use stays until its dependent is off', async () => {
    const { manager } = setUp(noted([], 'a'), noted([], 'b', { a: '*' }));
    await manager.activate('b');
    await expect(manager.deactivate('a')).rejects.toMatchObject({ code: 'plugin.in-use' });
    await manager.deactivate('b');
    await manager.unregister('a');
    expect(manager.list().map(({ name, active }) => [name, active])).toEqual([['b', false]]);
  });

  test('plugin manager: one that fails half-way leaves nothing behind', async () => {
    const { manager, container, warn } = setUp({
      name: 'broken',
      version: '1.0.0',
      activate(registrar) {
        registrar.extend(scheduleFactory, 'flat', () => () => 1);
        throw new Error('half-way');
      },
    });
    await expect(manager.activate('broken')).rejects.toMatchObject({ code: 'plugin.invalid' });
    expect(container.get(scheduleFactory).list()).toEqual([]);
    expect(manager.isActive('broken')).toBe(false);
    expect(warn).not.toHaveBeenCalled();
  });

  test('plugin manager: a failing clean-up is a warning and the rest is still taken back', async () => {
    const { manager, container, warn } = setUp({
      name: 'messy',
      version: '1.0.0',
      activate(registrar) {
        registrar.extend(scheduleFactory, 'flat', () => () => 1);
        registrar.onDeactivate(() => Promise.reject(new Error('stuck')));
      },
      deactivate: () => Promise.reject(new Error('also stuck')),
    });
    await manager.activate('messy');
    await manager.deactivate('messy');
    expect(container.get(scheduleFactory).list()).toEqual([]);
    expect(warn).toHaveBeenCalledTimes(2);
  });

  test('plugin manager: a second plugin of the same name is ignored with a warning; versions must be versions', () => {
    const { manager, warn } = setUp(noted([], 'a'));
    expect(manager.register(noted([], 'a', {}, '2.0.0'))).toBe(false);
    expect(warn).toHaveBeenCalledOnce();
    expect(manager.list()[0]?.version).toBe('1.0.0');
    expect(() => manager.register(noted([], 'b', {}, 'latest'))).toThrowError(/"latest"/);
  });
});

describe('plugin loader', () => {
  test('plugin loader: takes the good modules of a folder, warns about the bad, skips helpers and tests', async () => {
    const { manager } = setUp();
    const warn = vi.fn();
    const load = (module: unknown) => () => Promise.resolve(module);
    const names = await loadPluginFolder(
      manager,
      {
        '/src/plugins/good.ts': load({ default: noted([], 'good') }),
        '/src/plugins/named.ts': load({ plugin: noted([], 'named') }),
        '/src/plugins/bad.ts': load({ default: { name: 'bad' } }),
        '/src/plugins/throws.ts': () => Promise.reject(new Error('syntax')),
        '/src/plugins/_shared.ts': load({}),
        '/src/plugins/good.test.ts': load({}),
      },
      warn,
    );
    expect(names).toEqual(['good', 'named']);
    expect(warn).toHaveBeenCalledTimes(2);
  });

  test('plugin loader: a URL is only read after consent, and only a safe kind', async () => {
    const { manager } = setUp();
    const importModule = vi.fn(() => Promise.resolve({ default: noted([], 'far') }));
    const load = (address: string, answer: boolean) =>
      loadPluginFromUrl(manager, address, { consent: () => Promise.resolve(answer), importModule });
    expect(await load('https://example.org/p.js', false)).toBeNull();
    for (const address of ['data:text/javascript,1', 'javascript:1', 'http://example.org/p.js', 'p.js']) {
      await expect(load(address, true)).rejects.toMatchObject({ code: 'plugin.invalid' });
    }
    expect(importModule).not.toHaveBeenCalled();
    expect((await load('https://example.org/p.js', true))?.name).toBe('far');
    expect(manager.list().map((plugin) => plugin.name)).toEqual(['far']);
  });

  test('plugin loader: the plugin that ships adds its schedule and takes it away', async () => {
    const { manager, container } = setUp(wsd);
    await manager.activate('wsd-schedule');
    const schedule = container.get(scheduleFactory).create('wsd');
    // 100 steps, 10 of warm-up: the last 18 fall as 1 - sqrt(k / 19).
    expect([schedule(5, 100, 10), schedule(82, 100, 10)]).toEqual([0.5, 1]);
    expect(schedule(100, 100, 10)).toBeCloseTo(1 - Math.sqrt(18 / 19), 12);
    await manager.deactivate('wsd-schedule');
    expect(container.get(scheduleFactory).has('wsd')).toBe(false);
  });
});
