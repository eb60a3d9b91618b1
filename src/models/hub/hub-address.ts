// Names of repositories on a hub, as people write and paste them, and the addresses of their files.
import { AppError } from '../../lib/errors';

export interface HubAddress {
  /** `owner/name`; very old repositories have no owner. */
  repositoryId: string;
  revision: string;
}

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?$/;
const REVISION = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;

/**
 * `owner/name`, `owner/name@revision`, or the address of the repository's page or of something in it.
 * @throws AppError `hub.bad-address`.
 */
export function parseHubAddress(text: string, endpoint: string): HubAddress {
  const trimmed = text.trim().replace(/^hf:\/\//, '');
  const path = pathOnHub(trimmed, endpoint);
  const [repository = '', explicit] = path.split('@', 2);
  const segments = repository.split('/').filter((segment) => segment !== '');
  const kind = segments.findIndex((segment) => ['tree', 'blob', 'resolve'].includes(segment));
  const names = kind > 0 ? segments.slice(0, kind) : segments;
  const revision = explicit ?? (kind > 0 ? segments[kind + 1] : undefined) ?? 'main';
  const isName = names.length >= 1 && names.length <= 2 && names.every((name) => NAME.test(name));
  if (!isName || !REVISION.test(revision) || `${path}/`.includes('../')) throw badAddress(text);
  return { repositoryId: names.join('/'), revision };
}

/** Of a file's bytes. */
export function resolveUrl(endpoint: string, repositoryId: string, commit: string, path: string): string {
  const file = path.split('/').map(encodeURIComponent).join('/');
  return `${endpoint}/${repositoryId}/resolve/${encodeURIComponent(commit)}/${file}`;
}

function pathOnHub(text: string, endpoint: string): string {
  if (!/^https?:\/\//.test(text)) return text;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.host !== new URL(endpoint).host) throw badAddress(text);
  return decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
}

function badAddress(text: string): AppError {
  return new AppError('hub.bad-address', `"${text.slice(0, 200)}" names no repository of the hub.`, {
    remedy:
      'Write it as owner/name, with @revision where it is not the main one, or paste the address of its page.',
  });
}
