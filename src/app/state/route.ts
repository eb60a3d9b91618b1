// A place in the app, from the hash: `#/settings/storage?x=1` is view `settings`, path ['storage'], query x=1. Pure.

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
