// Where the user is, and ways to go elsewhere. It does not load views; App.svelte does.
import { parseRoute, type Route } from './route';

export class Router {
  #route = $state.raw<Route>(parseRoute(''));
  readonly #window: Window;

  constructor(window: Window) {
    this.#window = window;
    this.#route = parseRoute(window.location.hash);
    window.addEventListener('hashchange', () => {
      this.#route = parseRoute(window.location.hash);
    });
  }

  get route(): Route {
    return this.#route;
  }

  /** `to` is a hash such as `#/tune`. */
  go(to: string): void {
    this.#window.location.hash = to;
  }

  /** Like go, without a step in the history. */
  replace(to: string): void {
    this.#window.history.replaceState(null, '', to);
    this.#route = parseRoute(to);
  }
}
