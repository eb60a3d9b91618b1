// Where the user is: the hash, parsed. `#/settings/storage?x=1` is view `settings`, path ['storage'], query x=1.
// It does not load views; App.svelte does.

export const VIEW_NAMES = ['chat', 'tune', 'data', 'models', 'settings', 'welcome'] as const;
export type ViewName = (typeof VIEW_NAMES)[number];

export interface Route {
  view: ViewName;
  path: readonly string[];
  query: URLSearchParams;
}

export function parseRoute(hash: string): Route {
  const [pathname = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [name = '', ...path] = pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const view = VIEW_NAMES.find((candidate) => candidate === name) ?? 'chat';
  return { view, path, query: new URLSearchParams(search) };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

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
