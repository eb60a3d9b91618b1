import { describe, expect, it } from 'vitest';
import { AppError } from '../lib/errors';
import { DeviceGuard } from './device-guard';

describe('DeviceGuard', () => {
  it('a lost device: work that hangs is given up, work in line fails, restored work runs', async () => {
    const guard = new DeviceGuard();
    const hanging = guard.exclusive(() => new Promise<never>(() => undefined));
    const inLine = guard.exclusive(() => Promise.resolve('never'));
    hanging.catch(() => undefined);
    inLine.catch(() => undefined);
    await Promise.resolve();
    await Promise.resolve();
    guard.lose(new AppError('engine.device-lost', 'gone'));
    await expect(hanging).rejects.toMatchObject({ code: 'engine.device-lost' });
    await expect(inLine).rejects.toMatchObject({ code: 'engine.device-lost' });
    guard.restore();
    expect(await guard.exclusive(() => Promise.resolve('runs'))).toBe('runs');
  });

  it('shared work that waits runs together, exclusive work alone', async () => {
    const guard = new DeviceGuard();
    let [running, most] = [0, 0];
    const work = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running -= 1;
    };
    const alone = guard.exclusive(async () => {
      await work();
      return most;
    });
    await Promise.all([guard.shared(work), guard.shared(work), guard.shared(work), alone]);
    expect(await alone).toBe(1);
    expect(most).toBe(3);
  });

  it('shared work fails alone, and all of it with the device', async () => {
    const guard = new DeviceGuard();
    const fails = guard.shared(() => Promise.reject(new Error('mine')));
    const works = guard.shared(() => Promise.resolve('works'));
    await expect(fails).rejects.toThrow('mine');
    expect(await works).toBe('works');
    const hanging = [0, 1].map(() => guard.shared(() => new Promise<never>(() => undefined)));
    for (const each of hanging) each.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 5));
    guard.lose(new AppError('engine.device-lost', 'gone'));
    for (const each of hanging) await expect(each).rejects.toMatchObject({ code: 'engine.device-lost' });
  });
});
