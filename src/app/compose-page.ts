// Composition root of the page: its container. The workers' services stand in it as the clients that reach them.
import type { SettingsStore } from '../core/config/settings-store';
import { Container, createToken } from '../core/container';
import { openDatabase, type Database } from '../core/database';
import type { AppClients } from './clients/app-clients';
import { createClients } from './clients/create-clients';
import { createPwa, type Pwa } from './pwa/pwa';
import type { Language } from './i18n/index.svelte';
import { Activity } from './state/activity.svelte';
import type { AppServices } from './state/app-context';
import { Device } from './state/device.svelte';
import { Dialogs } from './state/dialogs.svelte';
import { Library } from './state/library.svelte';
import { Preferences } from './state/preferences.svelte';
import { Router } from './state/router.svelte';
import { StorageState } from './state/storage.svelte';
import { Toasts } from './state/toasts.svelte';

export const clientsToken = createToken<AppClients>('clients');
export const databaseToken = createToken<Promise<Database | null>>('database');
export const preferencesToken = createToken<Preferences>('preferences');
const routerToken = createToken<Router>('router');
const toastsToken = createToken<Toasts>('toasts');
const dialogsToken = createToken<Dialogs>('dialogs');
const activityToken = createToken<Activity>('activity');
const libraryToken = createToken<Library>('library');
const deviceToken = createToken<Device>('device');
const storageToken = createToken<StorageState>('storage');
const pwaToken = createToken<Pwa>('pwa');

export function createPageContainer(): Container {
  const container = new Container();
  container.register(clientsToken, () => createClients());
  container.register(databaseToken, () => openDatabase().catch(() => null));
  container.register(preferencesToken, () => new Preferences(localStorageOrNull(), browserLanguage()));
  container.register(routerToken, () => new Router(window));
  container.register(toastsToken, () => new Toasts());
  container.register(dialogsToken, () => new Dialogs());
  container.register(activityToken, (services) => new Activity(services.get(clientsToken).bus));
  container.register(libraryToken, (services) => {
    const { engine, bus } = services.get(clientsToken);
    return new Library(engine, bus);
  });
  container.register(deviceToken, (services) => new Device(services.get(clientsToken).engine));
  container.register(storageToken, () => new StorageState((navigator as Partial<Navigator>).storage ?? null));
  container.register(pwaToken, () => createPwa());
  return container;
}

/** What the views are given. */
export function appServices(container: Container, settings: SettingsStore | null): AppServices {
  const clients = container.get(clientsToken);
  return {
    clients,
    disposeWorkers: () => clients.dispose(),
    database: container.get(databaseToken),
    preferences: container.get(preferencesToken),
    settings,
    router: container.get(routerToken),
    toasts: container.get(toastsToken),
    dialogs: container.get(dialogsToken),
    activity: container.get(activityToken),
    library: container.get(libraryToken),
    device: container.get(deviceToken),
    storage: container.get(storageToken),
    pwa: container.get(pwaToken),
  };
}

function localStorageOrNull(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

function browserLanguage(): Language {
  return navigator.language.startsWith('es') ? 'es' : 'en';
}
