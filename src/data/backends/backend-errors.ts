// What can go wrong with any source of data, in words that help. None takes a credential: what was sent is not repeated.
import { AppError } from '../../lib/errors';

export function cancelledError(): AppError {
  return new AppError('rpc.cancelled', 'Reading the source was cancelled.');
}

export function closedError(location: string): AppError {
  return new AppError('backend.unreachable', `${location} was closed.`, {
    details: { location },
    remedy: 'Open the source again.',
  });
}

export function readOnlyError(location: string, path: string): AppError {
  return new AppError(
    'backend.read-only',
    `Nothing can be written into ${location}: "${path}" was refused.`,
    {
      details: { location, path },
      remedy: 'Choose a folder or a bucket that this page may write to.',
    },
  );
}

/** A file that was there when it was opened. */
export function goneError(location: string, path: string, cause: unknown): AppError {
  return new AppError(
    'backend.unreachable',
    `"${path}" of ${location} was changed, moved or removed while it was read.`,
    {
      details: { location, path },
      remedy: 'Put it back, or read the source again to go by what is there now.',
      cause,
    },
  );
}

/** @throws AppError `rpc.cancelled` once the signal fired. */
export function throwIfStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelledError();
}
