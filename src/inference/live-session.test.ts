import { describe, expect, it } from 'vitest';
import { AppError } from '../lib/errors';
import { LiveSession } from './live-session';
import { ToySession } from './testing/toy-language-model';

function bench() {
  const training = { appliedSteps: 0 };
  const salt = (): number => training.appliedSteps;
  const inner = new ToySession(() => null, salt);
  const closed: LiveSession[] = [];
  const session = new LiveSession(inner, training, (one) => closed.push(one));
  /** What a fresh session says of the whole text. */
  const fresh = (tokens: readonly number[]) => new ToySession(() => null, salt).feed(tokens);
  return { training, inner, session, closed, fresh };
}

describe('LiveSession', () => {
  it('without a step: reads each token once', async () => {
    const { inner, session } = bench();
    await session.feed([1, 2, 3]);
    await session.feed([4]);
    expect(inner.feeds).toEqual([3, 1]);
  });

  it('after a step: nothing of the old weights is left, and the text is read again', async () => {
    const { training, inner, session, fresh } = bench();
    const old = await session.feed([1, 2, 3]);
    training.appliedSteps = 1;
    const logits = await session.feed([4]);
    expect(inner.feeds).toEqual([3, 4]);
    expect(logits).toEqual(await fresh([1, 2, 3, 4]));
    expect(old).not.toEqual(await fresh([1, 2, 3]));
    expect(session.length).toBe(4);
  });

  it('cut back, then a step: only what is left is read again', async () => {
    const { training, session, fresh } = bench();
    await session.feed([1, 2, 3]);
    session.truncate(1);
    training.appliedSteps = 1;
    expect(await session.feed([9])).toEqual(await fresh([1, 9]));
  });

  it('tokens chosen where the logits are: only where the session can', () => {
    expect(bench().session.feedAndChoose).toBeUndefined();
  });

  it('ended: says why from then on, and is given back once', async () => {
    const { inner, session, closed } = bench();
    await session.feed([1]);
    session.end(new AppError('run.unknown', 'Over.'));
    session.dispose();
    expect(inner.disposed).toBe(true);
    expect(closed).toEqual([session]);
    await expect(session.feed([2])).rejects.toMatchObject({ code: 'run.unknown' });
  });
});
