// What can go wrong on the way, in the words that people read. `TemporaryFailure` is what another attempt may mend.
import { AppError } from '../errors';

/** Thrown inside a transfer only; what leaves it is its `error`. */
export class TemporaryFailure extends Error {
  readonly error: AppError;
  /** How long the server asks to be left alone. */
  readonly askedMs: number | null;

  constructor(error: AppError, askedMs: number | null = null) {
    super(error.message);
    this.error = error;
    this.askedMs = askedMs;
  }
}

const KEPT = 'What is here is kept: start it again to go on from there.';

export function lengthError(name: string, expected: number, found: number): AppError {
  return new AppError(
    'download.length',
    `${name} was announced with ${expected} bytes, but the server has ${found}.`,
    {
      details: { name, expected, found },
      remedy: 'The file changed or the server is wrong about it: remove the download and start it anew.',
    },
  );
}

export function noLengthError(name: string): AppError {
  return new AppError('download.length', `The server serves parts of ${name} but not its length.`, {
    details: { name },
    remedy: 'Download the file in another way and import it from disk.',
  });
}

export function changedError(name: string, was: string, is: string): AppError {
  return new AppError('download.changed', `${name} keeps changing on the server (${was}, then ${is}).`, {
    details: { name, was, is },
    remedy: 'Try again later, or choose a fixed revision.',
  });
}

export function unreachableError(host: string, cause: unknown): AppError {
  return new AppError('download.unreachable', `${host} does not answer.`, {
    details: { host },
    remedy: `Check the connection, and that nothing blocks ${host}. ${KEPT}`,
    cause,
  });
}

export function offlineError(host: string, cause: unknown): AppError {
  return new AppError('download.offline', `The browser is offline; ${host} cannot be reached.`, {
    details: { host },
    remedy: `Connect to the network. ${KEPT}`,
    cause,
  });
}

export function cutError(
  name: string,
  receivedBytes: number,
  expectedBytes: number | null,
  cause?: unknown,
): AppError {
  const of = expectedBytes === null ? '' : ` of ${expectedBytes}`;
  return new AppError('download.cut', `The connection for ${name} ended after ${receivedBytes}${of} bytes.`, {
    details: { name, receivedBytes, expectedBytes },
    remedy: KEPT,
    cause,
  });
}

export function stalledError(name: string, silentMs: number): AppError {
  return new AppError('download.stalled', `Nothing of ${name} came for ${silentMs / 1000} s.`, {
    details: { name, silentMs },
    remedy: KEPT,
  });
}

/** @param untilMs when the server wants to be asked again, since the epoch; null where it does not say. */
export function rateLimitedError(host: string, untilMs: number | null): AppError {
  const until = untilMs === null ? null : new Date(untilMs).toISOString();
  const when = until === null ? 'for now' : `until ${until}`;
  return new AppError('download.rate-limited', `${host} refuses more requests ${when}.`, {
    details: { host, until },
    remedy: `${until === null ? 'Wait some minutes' : 'Wait until then'}; a token of your own raises the limit. ${KEPT}`,
  });
}

export function serverError(host: string, status: number): AppError {
  return new AppError('download.server-error', `${host} answered ${status}.`, {
    details: { host, status },
    remedy: `The trouble is on its side: try again in some minutes. ${KEPT}`,
  });
}

export function refusedError(name: string, status: number): AppError {
  return new AppError('download.refused', `The server refuses ${name} (${status}).`, {
    details: { name, status },
    remedy: 'Check that the file exists and that you may read it.',
  });
}

export function stoppedError(name: string, keptBytes: number, sizeBytes: number | null): AppError {
  return new AppError(
    'download.stopped',
    `The download of ${name} was stopped with ${keptBytes} bytes here.`,
    {
      details: { name, keptBytes, sizeBytes },
      remedy: KEPT,
    },
  );
}

/** @param full what the storage said, with its numbers. */
export function noRoomError(name: string, full: AppError, keptBytes: number, sizeBytes: number): AppError {
  const missingBytes = sizeBytes - keptBytes;
  return new AppError(
    'storage.quota',
    `No room left for ${name}: ${inUnits(missingBytes)} are missing, ${inUnits(keptBytes)} are here.`,
    {
      details: { ...full.details, name, missingBytes, keptBytes, sizeBytes },
      remedy: `Make room for ${inUnits(missingBytes)} (models, checkpoints, datasets) and start it again to go on, or remove the download.`,
      cause: full,
    },
  );
}

const inUnits = (bytes: number): string =>
  bytes < 1e5 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
