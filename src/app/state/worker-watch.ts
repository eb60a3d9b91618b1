// What the page does when its workers change hands: says that one stopped, and has the successor take up the backend
// that was chosen. The engine that starts marks the runs it finds cut off, and says so on the bus.
import type { BackendChoice } from '../../protocol/engine';
import type { AppClients, Ownership } from '../clients/app-clients';
import { t } from '../i18n/index.svelte';
import type { Device } from './device.svelte';
import type { Library } from './library.svelte';
import type { Toasts } from './toasts.svelte';

export interface WatchedServices {
  readonly clients: Pick<AppClients, 'bus' | 'ownership'>;
  readonly device: Pick<Device, 'start'>;
  readonly library: Pick<Library, 'refresh'>;
  readonly toasts: Pick<Toasts, 'show'>;
}

/** Call it once the engine was started for the first time. @returns stops watching */
export function watchWorkers(services: WatchedServices, backend: () => BackendChoice): () => void {
  const { clients, device, library, toasts } = services;
  const goOn = async () => {
    await device.start(backend());
    await library.refresh();
  };
  const unsubscribe = clients.bus.on('error.occurred', ({ code, message, remedy }) => {
    if (code !== 'worker.dead') return;
    toasts.show({
      tone: 'warn',
      title: t('errors.worker.dead'),
      body: remedy === null ? message : `${message} ${remedy}`,
    });
    void goOn();
  });
  let last: Ownership = clients.ownership.value;
  const leave = clients.ownership.subscribe((now) => {
    if (now === 'owner' && last !== 'owner') void goOn();
    last = now;
  });
  return () => {
    unsubscribe();
    leave();
  };
}
