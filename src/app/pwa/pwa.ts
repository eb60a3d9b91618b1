// Installing, updating and being offline, for the views to show. Registers the service worker of production builds.
// Decides nothing: an update waits until `applyUpdate` is called, which the app does not do while a run is going.
import { WritableObservable, type Observable } from '../../orchestrator/observable';

/** Chromium's install offer; other browsers have none. */
interface InstallOffer extends Event {
  prompt(): Promise<void>;
  readonly userChoice: Promise<{ outcome: 'accepted' | 'dismissed' }>;
}

export interface PwaOptions {
  window: Window;
  /** undefined where the browser has none: the app then needs the network to start. */
  container: ServiceWorkerContainer | undefined;
  /** Address of the service worker; null (development) registers none. */
  scriptUrl: string | null;
  reload?: () => void;
}

/** How often a tab that stays open looks for an update. */
const UPDATE_CHECK_MS = 60 * 60 * 1000;

export class Pwa {
  readonly #options: PwaOptions;
  readonly #updateReady = new WritableObservable(false);
  readonly #offlineReady = new WritableObservable(false);
  readonly #installable = new WritableObservable(false);
  readonly #online: WritableObservable<boolean>;
  #registration: ServiceWorkerRegistration | null = null;
  #offer: InstallOffer | null = null;
  #applying = false;

  constructor(options: PwaOptions) {
    this.#options = options;
    const { window } = options;
    this.#online = new WritableObservable(window.navigator.onLine);
    window.addEventListener('online', () => this.#online.set(true));
    window.addEventListener('offline', () => this.#online.set(false));
    window.addEventListener('beforeinstallprompt', (event) => this.#keepOffer(event as InstallOffer));
    window.addEventListener('appinstalled', () => this.#dropOffer());
  }

  /** A new build is installed and waits. */
  get updateReady(): Observable<boolean> {
    return this.#updateReady;
  }

  /** Everything is cached: a cold start works without network. */
  get offlineReady(): Observable<boolean> {
    return this.#offlineReady;
  }

  /** `install()` can be offered. */
  get installable(): Observable<boolean> {
    return this.#installable;
  }

  get online(): Observable<boolean> {
    return this.#online;
  }

  /** @throws what the browser throws where it refuses the registration; the app works on without */
  async start(): Promise<void> {
    const { container, scriptUrl, window } = this.#options;
    if (!container || scriptUrl === null) return;
    container.addEventListener('controllerchange', () => this.#onControllerChange());
    const registration = await container.register(scriptUrl);
    this.#registration = registration;
    if (registration.waiting && container.controller) this.#updateReady.set(true);
    if (registration.active) this.#offlineReady.set(true);
    registration.addEventListener('updatefound', () => this.#watch(registration.installing));
    this.#watch(registration.installing);
    window.setInterval(() => void this.#check(), UPDATE_CHECK_MS);
  }

  /** Lets the waiting build take over and reloads this tab. Others keep running what they loaded. */
  applyUpdate(): void {
    const waiting = this.#registration?.waiting;
    if (!waiting) return;
    this.#applying = true;
    waiting.postMessage({ type: 'SKIP_WAITING' });
  }

  /** Asks the user. @returns whether it was accepted; false where there is nothing to offer. */
  async install(): Promise<boolean> {
    const offer = this.#offer;
    if (!offer) return false;
    this.#dropOffer();
    await offer.prompt();
    return (await offer.userChoice).outcome === 'accepted';
  }

  #watch(worker: ServiceWorker | null): void {
    worker?.addEventListener('statechange', () => {
      const first = !this.#options.container?.controller;
      if (worker.state === 'installed' && !first) this.#updateReady.set(true);
      if (worker.state === 'activated') this.#offlineReady.set(true);
    });
  }

  /** Only the tab that asked reloads: another one may be in the middle of a run. */
  #onControllerChange(): void {
    if (this.#applying) (this.#options.reload ?? (() => this.#options.window.location.reload()))();
  }

  async #check(): Promise<void> {
    // Offline is no failure of a check: the next one comes.
    await this.#registration?.update().catch(() => undefined);
  }

  #keepOffer(offer: InstallOffer): void {
    offer.preventDefault();
    this.#offer = offer;
    this.#installable.set(true);
  }

  #dropOffer(): void {
    this.#offer = null;
    this.#installable.set(false);
  }
}

/** Started at once: the browser's install offer comes early and only once. */
export function createPwa(): Pwa {
  const scriptUrl = import.meta.env.PROD ? `${import.meta.env.BASE_URL}service-worker.js` : null;
  return new Pwa({ window, container: navigator.serviceWorker, scriptUrl });
}
