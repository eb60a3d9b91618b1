import { describe, expect, test } from 'vitest';
import { DEFAULT_RETRIES, isTemporary, retryAfterMs, retryDelayMs } from './retry-policy';

describe('retry policy', () => {
  test('retry policy: only what may pass is tried again', () => {
    expect([429, 500, 503, 408].every(isTemporary)).toBe(true);
    expect([400, 401, 403, 404, 416, 501].some(isTemporary)).toBe(false);
  });

  test('retry policy: Retry-After in seconds and as a date', () => {
    const now = Date.UTC(2026, 0, 1);
    expect(retryAfterMs('7', now)).toBe(7000);
    expect(retryAfterMs('Thu, 01 Jan 2026 00:01:00 GMT', now)).toBe(60_000);
    expect(retryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', now)).toBe(0);
    expect(retryAfterMs('soon', now)).toBeNull();
    expect(retryAfterMs('-3', now)).toBeNull();
    expect(retryAfterMs(null, now)).toBeNull();
  });

  test('retry policy: waits double up to the longest', () => {
    const delays = [1, 2, 3].map((failures) => retryDelayMs(failures, null, 1, DEFAULT_RETRIES));
    expect(delays).toEqual([500, 1000, 2000]);
    expect(retryDelayMs(10, null, 1, { ...DEFAULT_RETRIES, attempts: 20 })).toBe(30_000);
    expect(retryDelayMs(1, null, 0, DEFAULT_RETRIES)).toBe(250);
  });

  test('retry policy: never earlier than the server asks, not at all where it asks too much', () => {
    expect(retryDelayMs(1, 9000, 0, DEFAULT_RETRIES)).toBe(9000);
    expect(retryDelayMs(1, 121_000, 0, DEFAULT_RETRIES)).toBeNull();
  });

  test('retry policy: gives up after enough failures in a row', () => {
    expect(retryDelayMs(DEFAULT_RETRIES.attempts, null, 0, DEFAULT_RETRIES)).toBeNull();
  });
});
