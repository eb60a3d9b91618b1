import { describe, expect, it } from 'vitest';
import { AnswerLine } from './answer-line';

/** Enters in this order; `inside` has who was let in, `leave` lets them out by their place in it. */
function setUp(together: number) {
  const line = new AnswerLine(() => together);
  const inside: { key: string; leave: () => void }[] = [];
  const ask = (key: string): Promise<void> =>
    line.enter(key).then((leave) => {
      inside.push({ key, leave });
    });
  const settle = (): Promise<void> =>
    Promise.resolve()
      .then(() => undefined)
      .then(() => undefined);
  const keys = (): string => inside.map(({ key }) => key).join('');
  return { line, inside, ask, settle, keys };
}

describe('AnswerLine', () => {
  it('one at a time: first come, first served', async () => {
    const { inside, ask, settle, keys, line } = setUp(1);
    void ask('a');
    void ask('a');
    await settle();
    expect([keys(), line.queued]).toEqual(['a', 2]);
    inside[0]?.leave();
    inside[0]?.leave();
    await settle();
    expect([keys(), line.queued]).toEqual(['aa', 1]);
  });

  it('together: as many of one model as there is room for', async () => {
    const { inside, ask, settle, keys } = setUp(2);
    for (let i = 0; i < 3; i += 1) void ask('a');
    await settle();
    expect(keys()).toBe('aa');
    inside[1]?.leave();
    await settle();
    expect(keys()).toBe('aaa');
  });

  it('another model: waits for those inside, and is not overtaken', async () => {
    const { inside, ask, settle, keys } = setUp(8);
    for (const key of ['a', 'a', 'b', 'a']) void ask(key);
    await settle();
    expect(keys()).toBe('aa');
    inside[0]?.leave();
    await settle();
    expect(keys()).toBe('aa');
    inside[1]?.leave();
    await settle();
    expect(keys()).toBe('aab');
    inside[2]?.leave();
    await settle();
    expect(keys()).toBe('aaba');
  });
});
