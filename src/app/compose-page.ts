// Composition root of the page: its container. The workers' services stand in it as the clients that reach them.
import type { SettingsStore } from '../core/config/settings-store';
import { Container, createToken } from '../core/container';
import { openDatabase, type Database } from '../core/database';
import { DeviceVault } from '../core/vault/device-vault';
import { SessionVault } from '../core/vault/session-vault';
import type { Vault } from '../core/vault/vault';
import type { AppClients } from './clients/app-clients';
import { createClients } from './clients/create-clients';
import { createPwa, type Pwa } from './pwa/pwa';
import { t, type Language } from './i18n/index.svelte';
import { Activity } from './state/activity.svelte';
import type { AppServices } from './state/app-context';
import { BackendSecretStore } from './state/backend-secrets';
import { Device } from './state/device.svelte';
import { Downloads } from './state/downloads.svelte';
import { Dialogs } from './state/dialogs.svelte';
import { HubAccess } from './state/hub-access.svelte';
import { Library } from './state/library.svelte';
import { MemorySetting } from './state/memory-setting.svelte';
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
const vaultToken = createToken<Promise<Vault>>('vault');
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
  container.register(vaultToken, (services) =>
    services
      .get(databaseToken)
      .then((database) => (database === null ? new SessionVault() : new DeviceVault(database))),
  );
  container.register(pwaToken, () => createPwa());
  return container;
}

/** What the views are given. */
export function appServices(container: Container, settings: SettingsStore | null): AppServices {
  const clients = container.get(clientsToken);
  const hub = new HubAccess(container.get(vaultToken), settings);
  return {
    clients,
    hub,
    backendSecrets: new BackendSecretStore(container.get(vaultToken)),
    downloads: createDownloads(container, hub),
    memory: new MemorySetting(settings),
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

function createDownloads(container: Container, hub: HubAccess): Downloads {
  const { data, engine } = container.get(clientsToken);
  const toasts = container.get(toastsToken);
  const downloads = new Downloads({
    hub: data,
    engine,
    token: () => hub.token(),
    library: container.get(libraryToken),
    storage: container.get(storageToken),
    onInstalled: ({ name }) => toasts.show({ tone: 'ok', title: t('models.imported', { name }) }),
  });
  window.addEventListener('online', () => downloads.online());
  return downloads;
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
