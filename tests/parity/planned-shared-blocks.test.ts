// Sequences that begin with the same tokens have their keys and values once, and give the logits that each would give alone.
import { describe, expect, it } from 'vitest';
import { relativeError } from '../../src/engine/reference/compare';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { PlannedSession } from '../../src/models/decoder/planned/planned-session';
import { SELF_TEST_CONFIG, selfTestWeights } from '../../src/models/self-test';
import type { FileArray } from '../../src/models/file-layout';
import { planDevice } from './planned-fixture';

const CONFIG = { ...SELF_TEST_CONFIG, headSize: 8, contextLength: 256 };
const tokens = (count: number, first = 0): number[] =>
  Array.from({ length: count }, (_, i) => ((i + first) * 7 + 3) % CONFIG.vocabSize);
/** Two pages. */
const prefix = tokens(64);

async function open() {
  const weights = selfTestWeights(CONFIG, false);
  const read = (name: string) => Promise.resolve(weights.get(name) as FileArray);
  const runtime = await PlannedRuntime.load(await planDevice(), CONFIG, read, 2 ** 30);
  const session = (): PlannedSession => {
    const opened = runtime.createSession(null);
    if (!(opened instanceof PlannedSession)) throw new Error('not a session on plans');
    return opened;
  };
  /** Logits of a session that shares with nobody: it is the only one. */
  const alone = async (ids: readonly number[]): Promise<Float32Array> => {
    const only = session();
    const logits = await only.feed(ids);
    only.dispose();
    return logits;
  };
  return { runtime, session, alone };
}

describe('shared blocks', () => {
  it('the same 64 tokens: two pages for both, the logits of each alone, free when both have ended', async () => {
    const { runtime, session, alone } = await open();
    const [a, b] = [tokens(10, 5), tokens(20, 9)];
    const expected = [await alone([...prefix, ...a]), await alone([...prefix, ...b])];
    expect(runtime.usedPages).toBe(0);
    const [first, second] = [session(), session()];
    const logits = [await first.feed([...prefix, ...a])];
    expect(second.reuse([...prefix, ...b])).toBe(64);
    logits.push(await second.feed(b));
    expect(second.pages.slice(0, 2)).toEqual(first.pages.slice(0, 2));
    // Two shared, one of its own for each.
    expect(runtime.usedPages).toBe(4);
    logits.forEach((each, i) => expect(relativeError(each, expected[i] ?? [])).toBeLessThan(1e-5));
    first.dispose();
    expect(runtime.usedPages).toBe(3);
    const next = await second.feed([5]);
    second.dispose();
    expect(runtime.usedPages).toBe(0);
    expect(relativeError(next, await alone([...prefix, ...b, 5]))).toBeLessThan(1e-5);
    runtime.dispose();
  });

  it('computed at the same time: one of the two is kept', async () => {
    const { runtime, session, alone } = await open();
    const both = [session(), session()];
    await Promise.all(both.map((each) => each.feed([...prefix, 1])));
    expect(both[0]?.pages.slice(0, 2)).toEqual(both[1]?.pages.slice(0, 2));
    expect(runtime.usedPages).toBe(4);
    const last = await Promise.all(both.map((each) => each.feed([2])));
    for (const each of both) each.dispose();
    expect(runtime.usedPages).toBe(0);
    const expected = await alone([...prefix, 1, 2]);
    for (const logits of last) expect(relativeError(logits, expected)).toBeLessThan(1e-5);
    runtime.dispose();
  });

  it('cut back into a shared page: the other keeps what it had', async () => {
    const { runtime, session, alone } = await open();
    const [first, second] = [session(), session()];
    await first.feed([...prefix, 1]);
    second.reuse([...prefix, 1]);
    second.truncate(40);
    const changed = await second.feed(tokens(30, 50));
    const kept = await first.feed([2]);
    for (const each of [first, second]) each.dispose();
    expect(runtime.usedPages).toBe(0);
    expect(relativeError(changed, await alone([...prefix.slice(0, 40), ...tokens(30, 50)]))).toBeLessThan(
      1e-5,
    );
    expect(relativeError(kept, await alone([...prefix, 1, 2]))).toBeLessThan(1e-5);
    runtime.dispose();
  });

  it('cut back into its own page: written in place, and not found by its old tokens', async () => {
    const { runtime, session, alone } = await open();
    const first = session();
    await first.feed([...prefix, 1]);
    first.truncate(40);
    const changed = await first.feed([9, 8]);
    const second = session();
    expect(second.reuse([...prefix, 1])).toBe(32);
    for (const each of [first, second]) each.dispose();
    expect(runtime.usedPages).toBe(0);
    expect(relativeError(changed, await alone([...prefix.slice(0, 40), 9, 8]))).toBeLessThan(1e-5);
    runtime.dispose();
  });

  it('another beginning: nothing is shared', async () => {
    const { runtime, session } = await open();
    const [first, second] = [session(), session()];
    await first.feed([...prefix, 1]);
    expect(second.reuse([4, ...prefix])).toBe(0);
    expect(second.reuse(prefix.slice(0, 31))).toBe(0);
    for (const each of [first, second]) each.dispose();
    runtime.dispose();
  });
});
