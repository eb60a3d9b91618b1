import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it } from 'vitest';
import { Container } from '../core/container';
import { openDatabase, type Database } from '../core/database';
import { EventBus } from '../core/event-bus';
import { createDataBackendFactory, dataBackendFactory, factories, scheduleFactory } from '../core/factories';
import type { Plugin } from '../core/plugins/plugin';
import { PluginManager } from '../core/plugins/plugin-manager';
import { PluginService } from './plugin-service';

const schedulePlugin = (name: string, schedule: string): Plugin => ({
  name,
  version: '1.0.0',
  activate: (registrar) => registrar.extend(scheduleFactory, schedule, () => () => 1),
});
/** Brings a place for data, and a schedule where there are schedules. */
const placePlugin: Plugin = {
  ...schedulePlugin('half', 'half'),
  activate(registrar) {
    registrar.extend(scheduleFactory, 'half', () => () => 1);
    registrar.extend(registrar.factories.dataBackend, 'notebook', () => ({ open: () => ({}) }));
  },
};
const shipped = {
  '/src/plugins/flat.ts': () => Promise.resolve({ default: schedulePlugin('flat', 'flat') }),
};
const ADDRESS = 'https://example.org/half.js';

let database: Database;
let name = 0;

beforeEach(async () => {
  database = await openDatabase(`plugins-${(name += 1)}`);
});

/** A visit: everything anew over the same database. */
async function visit() {
  const container = new Container().addProvider(factories);
  const manager = new PluginManager(container, new EventBus(), () => undefined);
  const service = new PluginService({
    manager,
    database,
    warn: () => undefined,
    importModule: () => Promise.resolve({ default: schedulePlugin('half', 'half') }),
  });
  await service.start(shipped);
  return { service, schedules: () => container.get(scheduleFactory).list() };
}

describe('plugin service', () => {
  it('switches on what ships', async () => {
    const { service, schedules } = await visit();
    expect(service.list()).toMatchObject([{ name: 'flat', active: true, origin: 'built-in' }]);
    expect(schedules()).toEqual(['flat']);
  });

  it('keeps what was switched off for the next visit', async () => {
    await (await visit()).service.setActive('flat', false);
    const next = await visit();
    expect(next.service.list()).toMatchObject([{ name: 'flat', active: false }]);
    expect(next.schedules()).toEqual([]);
    await next.service.setActive('flat', true);
    expect((await visit()).schedules()).toEqual(['flat']);
  });

  it('loads an added one at the next visit and forgets a removed one', async () => {
    const first = await visit();
    expect(await first.service.add(ADDRESS)).toContainEqual(
      expect.objectContaining({ name: 'half', active: true, origin: ADDRESS }),
    );
    const second = await visit();
    expect(second.schedules()).toEqual(['flat', 'half']);
    await second.service.remove('half');
    expect(second.schedules()).toEqual(['flat']);
    expect((await visit()).service.list()).toHaveLength(1);
  });

  it('refuses a second one of the same name and the removal of one that ships', async () => {
    const { service } = await visit();
    await service.add(ADDRESS);
    await expect(service.add(ADDRESS)).rejects.toMatchObject({ code: 'plugin.duplicate' });
    await expect(service.remove('flat')).rejects.toMatchObject({ code: 'plugin.unknown' });
  });

  it('another worker follows what is switched, added and removed, and never throws', async () => {
    const engine = (await visit()).service;
    const container = new Container();
    container.register(dataBackendFactory, createDataBackendFactory);
    const follower = new PluginService({
      manager: new PluginManager(container, new EventBus(), () => undefined),
      database,
      warn: () => undefined,
      importModule: () => Promise.resolve({ default: placePlugin }),
    });
    const places = async () => {
      await follower.follow(shipped);
      return container.get(dataBackendFactory).list();
    };
    expect(await places()).toEqual([]);
    await engine.add(ADDRESS);
    expect(await places()).toEqual(['notebook']);
    await engine.setActive('half', false);
    expect(await places()).toEqual([]);
    await engine.setActive('half', true);
    expect(await places()).toEqual(['notebook']);
    await engine.remove('half');
    expect(await places()).toEqual([]);
  });
});
