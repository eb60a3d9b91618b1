import { describe, expect, it } from 'vitest';
import { nextEventTurn } from './event-turn';
import { Turnstile } from './turnstile';

describe('Turnstile', () => {
  it('order: one at a time, first come first served', async () => {
    const turnstile = new Turnstile();
    const log: string[] = [];
    const visit = (name: string): Promise<void> =>
      turnstile.pass(async () => {
        log.push(`${name} in`);
        await nextEventTurn();
        log.push(`${name} out`);
      });
    const all = Promise.all(['a', 'b', 'c'].map(visit));
    expect(turnstile.queued).toBe(3);
    await all;
    expect(log).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
    expect(turnstile.queued).toBe(0);
  });

  it('a failure: is passed on and lets the next one in', async () => {
    const turnstile = new Turnstile();
    const failing = turnstile.pass(() => Promise.reject(new Error('no')));
    const next = turnstile.pass(() => Promise.resolve('yes'));
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe('yes');
  });
});
