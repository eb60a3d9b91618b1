import { describe, expect, it } from 'vitest';
import type { DecodeSession } from '../models/loaded-model';
import { commonPrefixLength, SessionPool } from './session-pool';
import { createToyModel } from './testing/toy-language-model';

const fill = (pool: SessionPool, model: ReturnType<typeof createToyModel>, tokens: number[]): void => {
  const kept = pool.borrow(model, null, tokens);
  kept.tokens = [...tokens];
  pool.release(kept);
};

describe('SessionPool', () => {
  it('commonPrefixLength: stops at the first difference or the shorter end', () => {
    expect(commonPrefixLength([1, 2, 3], [1, 2, 4])).toBe(2);
    expect(commonPrefixLength([1, 2], [1, 2, 4])).toBe(2);
    expect(commonPrefixLength([], [1])).toBe(0);
  });

  it('two conversations: each finds its own session', () => {
    const pool = new SessionPool();
    const model = createToyModel();
    fill(pool, model, [1, 2, 3]);
    fill(pool, model, [9, 8, 7]);
    expect(pool.size).toBe(2);
    expect(pool.borrow(model, null, [9, 8, 7, 6]).tokens).toEqual([9, 8, 7]);
    expect(pool.borrow(model, null, [1, 2, 5]).tokens).toEqual([1, 2]);
  });

  it('a lent session: is never lent twice', () => {
    const pool = new SessionPool();
    const model = createToyModel();
    const first = pool.borrow(model, null, [1, 2, 3]);
    expect(pool.borrow(model, null, [1, 2, 3])).not.toBe(first);
  });

  it('capacity: the least recently used one is disposed', () => {
    const pool = new SessionPool(2);
    const model = createToyModel();
    const other = createToyModel();
    const third = createToyModel();
    fill(pool, model, [1, 1]);
    fill(pool, other, [2, 2]);
    fill(pool, third, [3, 3]);
    expect(pool.size).toBe(2);
    expect([model, other, third].map(({ sessions }) => sessions[0]?.disposed)).toEqual([true, false, false]);
  });

  it('drop: all sessions of a model, or those of one adapter', () => {
    const pool = new SessionPool();
    const model = createToyModel();
    fill(pool, model, [1, 2]);
    pool.drop(model);
    expect([pool.size, model.sessions[0]?.disposed]).toEqual([0, true]);
  });

  it('borrow: takes over what other sessions hold, but leaves a token to be fed', () => {
    const model = createToyModel();
    const offered: number[][] = [];
    const session: DecodeSession = {
      ...{ length: 0, feed: () => Promise.resolve(new Float32Array()) },
      ...{ truncate: () => undefined, dispose: () => undefined },
      reuse: (tokens) => offered.push([...tokens]) * 2,
    };
    const pool = new SessionPool();
    const kept = pool.borrow({ ...model, createSession: () => session }, null, [5, 6, 7, 8]);
    expect(offered).toEqual([[5, 6, 7]]);
    expect(kept.tokens).toEqual([5, 6]);
  });
});
