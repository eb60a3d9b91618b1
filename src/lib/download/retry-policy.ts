// Decides whether and when a failed request is tried again. Pure: the clock and the dice are the caller's.

export interface RetryLimits {
  /** Failures in a row, without a byte between them, after which it is given up. */
  attempts: number;
  firstDelayMs: number;
  longestDelayMs: number;
  /** A server that asks for more patience than this is reported instead of waited for. */
  longestAskedMs: number;
}

export const DEFAULT_RETRIES: RetryLimits = {
  attempts: 6,
  firstDelayMs: 500,
  longestDelayMs: 30_000,
  longestAskedMs: 120_000,
};

/** Answers that another attempt may change. */
export function isTemporary(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501);
}

/**
 * The `Retry-After` header: seconds, or a date.
 * @returns milliseconds from now; null where there is none or it makes no sense.
 */
export function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null || header.trim() === '') return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : null;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

/**
 * @param failures in a row, this one included.
 * @param askedMs what the server asked for.
 * @param dice 0 to below 1: spreads clients that failed together.
 * @returns milliseconds to wait; null to give up.
 */
export function retryDelayMs(
  failures: number,
  askedMs: number | null,
  dice: number,
  limits: RetryLimits,
): number | null {
  if (failures >= limits.attempts) return null;
  if (askedMs !== null && askedMs > limits.longestAskedMs) return null;
  const doubled = Math.min(limits.firstDelayMs * 2 ** (failures - 1), limits.longestDelayMs);
  return Math.max(askedMs ?? 0, doubled * (0.5 + dice / 2));
}
