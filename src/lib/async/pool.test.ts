import { describe, expect, test } from 'vitest';
import { nextEventTurn } from './event-turn';
import { Pool } from './pool';

describe('Pool', () => {
  test('pool: never more at a time than its size, first come first served', async () => {
    const pool = new Pool(2);
    const started: number[] = [];
    let most = 0;
    const work = (index: number): Promise<void> =>
      pool.run(async () => {
        started.push(index);
        most = Math.max(most, pool.running);
        await nextEventTurn();
      });
    await Promise.all([0, 1, 2, 3, 4].map(work));
    expect(most).toBe(2);
    expect(started).toEqual([0, 1, 2, 3, 4]);
    expect(pool.running).toBe(0);
  });

  test('pool: a failure is passed on and lets the next one in', async () => {
    const pool = new Pool(1);
    const failing = pool.run(() => Promise.reject(new Error('no')));
    const next = pool.run(() => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });

  test('pool: who gives up while waiting never runs and takes no place', async () => {
    const pool = new Pool(1);
    const stop = new AbortController();
    let release = (): void => undefined;
    const first = pool.run(() => new Promise<void>((resolve) => (release = resolve)));
    const waiting = pool.run(() => Promise.reject(new Error('ran')), stop.signal);
    const last = pool.run(() => Promise.resolve('last'));
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    release();
    await first;
    expect(await last).toBe('last');
    expect(pool.running).toBe(0);
  });

  test('pool: a size that lets nothing run is refused', () => {
    expect(() => new Pool(0)).toThrow(RangeError);
  });
});
