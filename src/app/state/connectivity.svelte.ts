// Whether the browser believes it is online. Offline is normal: the app only says so.

export class Connectivity {
  #online = $state(true);

  constructor(window: Window) {
    this.#online = window.navigator.onLine;
    window.addEventListener('online', () => (this.#online = true));
    window.addEventListener('offline', () => (this.#online = false));
  }

  get online(): boolean {
    return this.#online;
  }
}
