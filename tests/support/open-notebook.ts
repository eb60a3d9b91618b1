// The example of docs/guides/add-a-data-backend.md as the app runs it: its module is read, its plugin switched on, its place opened.
import { Container } from '../../src/core/container';
import { EventBus } from '../../src/core/event-bus';
import { createDataBackendFactory, dataBackendFactory } from '../../src/core/factories';
import { loadPluginFromUrl } from '../../src/core/plugins/plugin-loader';
import { PluginManager } from '../../src/core/plugins/plugin-manager';
import type { DynamicFactory } from '../../src/core/factory';
import type { BackendBuilder } from '../../src/core/factories';
import type { BackendOptions } from '../../src/data/backends/backend-options';

const EXAMPLE = new URL('./notebook-backend.js', import.meta.url).href;

/** Switches the example on, from its address, in a container whose places are `factory`'s. */
export async function activateNotebook(
  factory: DynamicFactory<BackendBuilder> = createDataBackendFactory(),
): Promise<DynamicFactory<BackendBuilder>> {
  const container = new Container();
  container.register(dataBackendFactory, () => factory);
  const manager = new PluginManager(container, new EventBus(), () => undefined);
  await loadPluginFromUrl(manager, 'https://plugins.test/notebook-backend.js', {
    consent: () => Promise.resolve(true),
    importModule: () => import(/* @vite-ignore */ EXAMPLE) as Promise<unknown>,
  });
  await manager.activate('notebook-backend');
  return factory;
}

/** What the example's `open` gives. */
export async function openNotebook(options: BackendOptions): Promise<object> {
  return (await activateNotebook()).create('notebook').open(options);
}
