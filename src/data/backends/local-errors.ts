// What the browser says about files and folders, as errors of a backend. Absence is no error here: it is null.
import { AppError } from '../../lib/errors';
import { goneError } from './backend-errors';

export function isAbsent(error: unknown): boolean {
  const name = nameOf(error);
  return name === 'NotFoundError' || name === 'TypeMismatchError';
}

/** Absence is null; every other refusal is told. */
export async function absentAsNull<T>(
  location: string,
  path: string,
  promise: Promise<T> | undefined,
): Promise<T | null> {
  try {
    return (await promise) ?? null;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw localError(location, path, error);
  }
}

/** @param path of what was touched, for messages; '' is the folder itself. */
export function localError(location: string, path: string, error: unknown): Error {
  const name = nameOf(error);
  if (name === 'NotAllowedError' || name === 'SecurityError') return folderDeniedError(location, error);
  if (path === '' && isAbsent(error)) return folderMissingError(location, error);
  // The browser's word for a file that is not as it was when it was opened.
  if (name === 'NotReadableError' || isAbsent(error)) return goneError(location, path, error);
  if (name === 'NoModificationAllowedError' || name === 'InvalidStateError')
    return busyError(location, path, error);
  return error instanceof Error ? error : new Error(String(error));
}

export function folderDeniedError(location: string, cause?: unknown): AppError {
  return new AppError('backend.denied', `The browser does not let this page use the folder ${location}.`, {
    details: { location },
    remedy: 'Allow it again in the Data view: permissions end with the session and can be taken back.',
    cause,
  });
}

function folderMissingError(location: string, cause: unknown): AppError {
  return new AppError('backend.missing', `The folder ${location} is not there any more.`, {
    details: { location },
    remedy: 'It was moved, renamed or removed, or its disk is not connected: choose it again.',
    cause,
  });
}

/** Nothing was chosen, or a list of files that ended with its tab. */
export function noFolderError(id: string): AppError {
  return new AppError('backend.missing', `No folder is chosen for "${id}".`, {
    details: { id },
    remedy:
      'Choose it in the Data view. Where the browser has no folder picker, it has to be chosen again in each tab.',
  });
}

function busyError(location: string, path: string, cause: unknown): AppError {
  return new AppError('storage.busy', `"${path}" of ${location} is in use by another tab or program.`, {
    details: { location, path },
    remedy: 'Close it there and try again.',
    cause,
  });
}

function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : '';
}
