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
});
