import { describe, expect, it } from 'vitest';
import { createScheduleFactory } from '../core/factories';
import { createSchedule, registerSchedules, SCHEDULE_NAMES } from './schedule';

const values = (
  name: 'constant' | 'linear' | 'cosine',
  totalSteps: number,
  warmupSteps: number,
): number[] => {
  const schedule = createSchedule(name);
  return Array.from({ length: totalSteps }, (_, index) => schedule(index + 1, totalSteps, warmupSteps));
};

describe('createSchedule', () => {
  it('constant: warms up in equal parts and stays at 1', () => {
    expect(values('constant', 6, 4)).toEqual([0.25, 0.5, 0.75, 1, 1, 1]);
  });

  it('linear: falls by the same amount each step and never reaches 0', () => {
    // 4 steps after 2 of warm-up: progress 0, 1/4, 2/4, 3/4.
    expect(values('linear', 6, 2)).toEqual([0.5, 1, 1, 0.75, 0.5, 0.25]);
  });

  it('cosine: is 1 at the start and one half in the middle', () => {
    // progress 0, 1/4, 1/2, 3/4: (1 + cos(pi p)) / 2 = 1, (1 + sqrt(1/2)) / 2, 1/2, (1 - sqrt(1/2)) / 2.
    const expected = [1, (1 + Math.SQRT1_2) / 2, 0.5, (1 - Math.SQRT1_2) / 2];
    values('cosine', 4, 0).forEach((value, index) => expect(value).toBeCloseTo(expected[index] ?? NaN, 12));
  });

  it('every schedule: is positive and at most 1 on every step, also when all of it is warm-up', () => {
    for (const name of SCHEDULE_NAMES) {
      for (const warmup of [0, 3, 7]) {
        for (const value of values(name, 7, warmup)) {
          expect(value).toBeGreaterThan(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }
    }
  });

  it('registerSchedules: offers them by name', () => {
    const factory = createScheduleFactory();
    registerSchedules(factory);
    expect(factory.list()).toEqual(['constant', 'cosine', 'linear']);
    expect(factory.create('linear')(3, 4, 0)).toBe(0.5);
  });
});
