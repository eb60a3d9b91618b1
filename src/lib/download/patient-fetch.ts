// Asks a server until it answers: what may pass (no connection, too many requests, trouble on its side) is tried again after
// a while. What the answer says is the caller's; bodies are not read.
import { AppError } from '../errors';
import { offlineError, rateLimitedError, serverError, unreachableError } from './download-errors';
import { DEFAULT_RETRIES, isTemporary, retryAfterMs, retryDelayMs, type RetryLimits } from './retry-policy';
import type { TransferClock } from './transfer';

export interface PatientFetchParts {
  fetch: typeof fetch;
  clock: TransferClock;
  online: () => boolean;
  retries?: RetryLimits | undefined;
}

type Attempt =
  | { response: Response; error: null; askedMs: null }
  | { response: null; error: AppError; askedMs: number | null };

/**
 * @returns an answer, which may be a refusal.
 * @throws AppError `download.unreachable`, `download.offline`, `download.rate-limited`, `download.server-error` once it is
 * given up; the signal's reason when it fires.
 */
export async function patientFetch(
  url: string,
  headers: Readonly<Record<string, string>>,
  parts: PatientFetchParts,
  signal: AbortSignal,
): Promise<Response> {
  const { clock, retries = DEFAULT_RETRIES } = parts;
  for (let failures = 1; ; failures++) {
    const { response, error, askedMs } = await attempt(url, headers, parts, signal);
    if (response !== null) return response;
    const delay = retryDelayMs(failures, askedMs, clock.dice(), retries);
    if (delay === null) throw error;
    await clock.sleep(delay, signal);
  }
}

async function attempt(
  url: string,
  headers: Readonly<Record<string, string>>,
  { fetch, clock, online }: PatientFetchParts,
  signal: AbortSignal,
): Promise<Attempt> {
  const { host } = new URL(url);
  try {
    const response = await fetch(url, {
      headers,
      signal,
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
    });
    if (!isTemporary(response.status)) return { response, error: null, askedMs: null };
    await response.body?.cancel().catch(() => undefined);
    const askedMs = retryAfterMs(response.headers.get('Retry-After'), clock.now());
    const until = askedMs === null ? null : clock.now() + askedMs;
    const { status } = response;
    const error = status === 429 ? rateLimitedError(host, until) : serverError(host, status);
    return { response: null, error, askedMs };
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof AppError) throw cause;
    const error = online() ? unreachableError(host, cause) : offlineError(host, cause);
    return { response: null, error, askedMs: null };
  }
}
