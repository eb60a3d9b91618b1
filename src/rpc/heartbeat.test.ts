import { describe, expect, test, vi } from 'vitest';
import { Heartbeat } from './heartbeat';

describe('heartbeat', () => {
  test('beats: at once, by interval, and on after a failed one', () => {
    vi.useFakeTimers();
    let count = 0;
    const heartbeat = new Heartbeat(() => {
      count++;
      if (count === 2) throw new Error('closed');
    });
    heartbeat.start(1_000);
    vi.advanceTimersByTime(3_000);
    expect(count).toBe(4);
    heartbeat.stop();
    vi.advanceTimersByTime(3_000);
    expect(count).toBe(4);
    vi.useRealTimers();
  });

  test('progress: at most one a second', () => {
    let now = 0;
    let count = 0;
    const heartbeat = new Heartbeat(() => count++, { now: () => now, after: () => () => undefined });
    for (now = 0; now < 3_000; now += 100) heartbeat.progress();
    expect(count).toBe(3); // At 0, 1000 and 2000.
  });
});
