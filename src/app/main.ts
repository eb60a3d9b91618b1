// The page's entry: makes the services, loads the language, shows the app, wakes the engine.
import { mount } from 'svelte';
import App from './App.svelte';
import {
  appServices,
  clientsToken,
  createPageContainer,
  databaseToken,
  preferencesToken,
} from './compose-page';
import { exposeClients } from './console-handle';
import { useLanguage } from './i18n/index.svelte';
import { backendFromAddress } from './state/backend-override';
import { linkSettings } from './state/settings-link';
import { watchModelNotes } from './state/model-notes';
import { watchWorkers } from './state/worker-watch';
import './styles/index.css';

async function start(root: HTMLElement): Promise<void> {
  const container = createPageContainer();
  exposeClients(container.get(clientsToken));
  const database = await container.get(databaseToken);
  const stored = database === null ? null : await linkSettings(container.get(preferencesToken), database);
  const services = appServices(container, stored);
  const { preferences, router } = services;
  preferences.apply(document.documentElement);
  if (!preferences.values.welcomed && window.location.hash === '') router.replace('#/welcome');
  await useLanguage(preferences.values.language);
  mount(App, { target: root, props: { services } });
  performance.mark('fragua:ready');
  void services.storage.refresh();
  services.pwa.start().catch((error: unknown) => console.warn('The service worker was refused.', error));
  const backend = () => backendFromAddress(window.location) ?? preferences.values.backend;
  await services.device.start(backend());
  watchWorkers(services, backend);
  watchModelNotes(services.clients.bus, services.toasts);
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
