// Paths below a backend's root, and which files a listing shows. Names are the source's own: only what would lead out of the
// root, or to nowhere, is refused.
import { AppError } from '../../lib/errors';
import type { ListOptions } from './data-backend';

/** What systems keep in folders for themselves. */
const SKIPPED_FOLDERS = new Set([
  '.Spotlight-V100',
  '.Trashes',
  '.fseventsd',
  '.TemporaryItems',
  '.zfs',
  '.ipynb_checkpoints',
]);
/** Chromium's name for a file that is being written. */
const UNFINISHED = '.crswap';

/**
 * @returns its parts.
 * @throws AppError `storage.bad-path`.
 */
export function parseBackendPath(path: string): string[] {
  const parts = path.split('/');
  const bad = parts.find(isNowhere);
  if (bad === undefined) return parts;
  throw new AppError('storage.bad-path', `"${path}" is not a path inside the source ("${bad}").`, {
    details: { path },
    remedy: 'Use names separated by single slashes, without "." and ".." among them.',
  });
}

export function isBackendPath(path: string): boolean {
  return !path.split('/').some(isNowhere);
}

/** Decides what a listing shows, for sources that are walked folder by folder and for those that list whole paths. */
export class ListFilter {
  readonly #under: string;
  /** In lower case, with their dot. */
  readonly #endings: readonly string[];

  constructor({ under = '', extensions = [] }: ListOptions) {
    this.#under = under;
    this.#endings = extensions.map((extension) => `.${extension.replace(/^\./, '').toLowerCase()}`);
  }

  /** Something below that folder may be shown. */
  enters(folder: string): boolean {
    const path = `${folder}/`;
    if (isSkipped(folder)) return false;
    return path.startsWith(this.#under) || this.#under.startsWith(path);
  }

  /** The folders above it are not looked at. */
  shows(path: string): boolean {
    const name = path.toLowerCase();
    if (!path.startsWith(this.#under) || name.endsWith(UNFINISHED)) return false;
    return this.#endings.length === 0 || this.#endings.some((ending) => name.endsWith(ending));
  }

  /** For whole paths: the folders above it count. */
  showsWhole(path: string): boolean {
    return this.shows(path) && !path.split('/').slice(0, -1).some(isSkipped);
  }
}

function isNowhere(part: string): boolean {
  return part === '' || part === '.' || part === '..' || part.includes('\0');
}

function isSkipped(folder: string): boolean {
  return SKIPPED_FOLDERS.has(folder.slice(folder.lastIndexOf('/') + 1));
}
