// Whether a new version waits to be used. It is announced, never forced: only `apply` reloads.

export class Updates {
  #apply = $state.raw<(() => void) | null>(null);

  get ready(): boolean {
    return this.#apply !== null;
  }

  /** Called by the service worker's registration with what switches to the new version. */
  announce(apply: () => void): void {
    this.#apply = apply;
  }

  apply(): void {
    this.#apply?.();
  }
}
