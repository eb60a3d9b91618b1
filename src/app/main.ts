// The page's composition root: makes the services, loads the language, shows the app.
import { mount } from 'svelte';
import { openDatabase } from '../core/database';
import App from './App.svelte';
import { createClients } from './clients/create-clients';
import { exposeClients } from './console-handle';
import { createPwa } from './pwa/pwa';
import { useLanguage, type Language } from './i18n/index.svelte';
import { Activity } from './state/activity.svelte';
import type { AppServices } from './state/app-context';
import { Device } from './state/device.svelte';
import { backendFromAddress } from './state/backend-override';
import { Dialogs } from './state/dialogs.svelte';
import { Library } from './state/library.svelte';
import { Preferences } from './state/preferences.svelte';
import { Router } from './state/router.svelte';
import { linkSettings } from './state/settings-link';
import { StorageState } from './state/storage.svelte';
import { Toasts } from './state/toasts.svelte';
import './styles/index.css';

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

function createServices(): AppServices {
  const clients = createClients();
  exposeClients(clients);
  return {
    clients,
    disposeWorkers: () => clients.dispose(),
    database: openDatabase().catch(() => null),
    preferences: new Preferences(localStorageOrNull(), browserLanguage()),
    router: new Router(window),
    toasts: new Toasts(),
    dialogs: new Dialogs(),
    activity: new Activity(clients.bus),
    library: new Library(clients.engine, clients.bus),
    device: new Device(clients.engine),
    storage: new StorageState((navigator as Partial<Navigator>).storage ?? null),
    pwa: createPwa(),
  };
}

async function start(root: HTMLElement): Promise<void> {
  const services = createServices();
  const { preferences, router } = services;
  const database = await services.database;
  if (database !== null) await linkSettings(preferences, database);
  preferences.apply(document.documentElement);
  if (!preferences.values.welcomed && window.location.hash === '') router.replace('#/welcome');
  await useLanguage(preferences.values.language);
  mount(App, { target: root, props: { services } });
  performance.mark('fragua:ready');
  void services.storage.refresh();
  services.pwa.start().catch((error: unknown) => console.warn('The service worker was refused.', error));
  await services.device.start(backendFromAddress(window.location) ?? preferences.values.backend);
  if (services.device.error === null) {
    await Promise.allSettled([
      services.library.refresh(),
      services.activity.refresh(services.clients.engine),
    ]);
  }
}

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element #root.');
void start(root);
