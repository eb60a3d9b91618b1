// What every learning-rate schedule promises: run on each one that the factory makes, plugins included.
import { describe, expect, test } from 'vitest';
import { createScheduleFactory } from '../../src/core/factories';
import { wsdSchedule } from '../../src/plugins/wsd-schedule';
import { registerSchedules } from '../../src/training/schedule';

const factory = createScheduleFactory();
registerSchedules(factory);
factory.register('wsd', () => wsdSchedule);

const runs = [
  [1, 0],
  [7, 0],
  [7, 7],
  [100, 6],
] as const;

describe.each(factory.list())('schedule %s', (name) => {
  const schedule = factory.create(name);
  const values = (total: number, warmup: number) =>
    Array.from({ length: total }, (_, index) => schedule(index + 1, total, warmup));

  test.each(runs)('schedule: above 0 and at most 1 at each of %i steps, %i of warm-up', (total, warmup) => {
    for (const value of values(total, warmup)) {
      expect(value).toBeGreaterThan(0);
      expect(value).toBeLessThanOrEqual(1);
    }
  });

  test('schedule: warm-up rises in equal parts to 1, then nothing rises any more', () => {
    const all = values(40, 8);
    for (let step = 1; step <= 8; step += 1) expect(all[step - 1]).toBeCloseTo(step / 8, 12);
    for (let step = 9; step < 40; step += 1) {
      expect(all[step] ?? NaN).toBeLessThanOrEqual((all[step - 1] ?? NaN) + 1e-12);
    }
  });
});
