// Paths of a blob store: relative, `/`-separated, no way out of the folder.
import { AppError } from '../errors';

// Control characters, and what some file systems give a meaning.
const FORBIDDEN = new RegExp('[\\u0000-\\u001f\\u007f\\\\:*?"<>|]');
const MAX_SEGMENT = 200;

/**
 * @returns the segments of a file's path.
 * @throws AppError `storage.bad-path`.
 */
export function parseBlobPath(path: string): string[] {
  const segments = path.split('/');
  const bad = segments.find((segment) => !isSegment(segment));
  if (bad !== undefined) {
    throw new AppError('storage.bad-path', `"${path}" is not a path inside the store ("${bad}").`, {
      details: { path },
      remedy: 'Use names separated by single slashes, without "..", backslashes or control characters.',
    });
  }
  return segments;
}

/** A folder's path; '' is the root. */
export function parseBlobFolder(path: string): string[] {
  return path === '' ? [] : parseBlobPath(path);
}

/** Paths of the folders above a file, outermost first. */
export function foldersAbove(segments: string[]): string[] {
  return segments.slice(0, -1).map((_, index) => segments.slice(0, index + 1).join('/'));
}

export function fileFolderConflict(path: string, conflict: string): AppError {
  return new AppError('storage.bad-path', `"${path}" cannot be a file: "${conflict}" stands in its way.`, {
    details: { path, conflict },
    remedy: 'Remove the other one first, or choose another name.',
  });
}

export function absentFile(path: string): AppError {
  return new AppError('storage.missing', `There is no file "${path}" to move.`, { details: { path } });
}

export function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

function isSegment(segment: string): boolean {
  return (
    segment !== '' &&
    segment !== '.' &&
    segment !== '..' &&
    segment.length <= MAX_SEGMENT &&
    !/[. ]$/.test(segment) &&
    !FORBIDDEN.test(segment)
  );
}
