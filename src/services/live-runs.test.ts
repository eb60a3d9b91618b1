import { describe, expect, it } from 'vitest';
import { createToyModel } from '../inference/testing/toy-language-model';
import { AppError } from '../lib/errors';
import { ToyModel } from '../training/testing/toy-model';
import { DeviceGuard } from './device-guard';
import { LiveRuns } from './live-runs';

function bench() {
  const guard = new DeviceGuard();
  const live = new LiveRuns(guard.exclusive);
  const model = createToyModel();
  live.offer('r', model, new ToyModel());
  return { guard, live, model };
}

describe('LiveRuns', () => {
  it('withdrawn: waits for the token on its way, then ends the sequences', async () => {
    const { guard, live, model } = bench();
    const session = live.find('r', 'toy').openSession?.();
    let finish: () => void = () => undefined;
    let token: Promise<void> = Promise.resolve();
    await new Promise<void>((started) => {
      token = guard.shared(() => {
        started();
        return new Promise<void>((resolve) => (finish = resolve));
      });
    });
    const withdrawn = live.withdraw('r');
    await Promise.resolve();
    expect(model.sessions[0]?.disposed).toBe(false);
    finish();
    await Promise.all([token, withdrawn]);
    expect(model.sessions[0]?.disposed).toBe(true);
    await expect(session?.feed([1])).rejects.toMatchObject({ code: 'run.unknown' });
  });

  it('withdrawn after a lost device: ends the sequences all the same', async () => {
    const { guard, live, model } = bench();
    live.find('r', 'toy').openSession?.();
    guard.lose(new AppError('engine.device-lost', 'Gone.'));
    await live.withdraw('r');
    expect(model.sessions[0]?.disposed).toBe(true);
  });

  it('found before it went: opens nothing afterwards', async () => {
    const { live, model } = bench();
    const { openSession } = live.find('r', 'toy');
    await live.withdraw('r');
    expect(openSession).toThrow(expect.objectContaining({ code: 'run.unknown' }) as Error);
    expect(model.sessions).toEqual([]);
  });
});
