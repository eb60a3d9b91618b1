import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY, planDeathCount, planRestart, planTick, type TickFacts } from './supervision-plan';

const policy = { ...DEFAULT_POLICY, tickMs: 5_000, defaultDeadlineMs: 60_000, graceTicks: 2 };
const calm: TickFacts = { sinceLastTickMs: 5_000, hidden: false, activity: 'idle' };
const fresh = { silentTicks: 0, graceTicksLeft: 0 };

/** Ticks of silence until a ping, at most 1000. */
function ticksUntilPing(facts: TickFacts): number {
  let vigil = fresh;
  for (let tick = 1; tick <= 1000; tick++) {
    const step = planTick(vigil, facts, policy);
    if (step.verdict === 'ping') return tick;
    vigil = step.vigil;
  }
  return Infinity;
}

describe('planTick', () => {
  test('silence: a ping after the deadline, counted in ticks', () => {
    expect(ticksUntilPing(calm)).toBe(12); // 60 s / 5 s
  });

  test('busy: the deadline of the task kind applies', () => {
    expect(ticksUntilPing({ ...calm, activity: 'training' })).toBe(36); // 180 s / 5 s
  });

  test('hidden: deadlines are four times longer', () => {
    expect(ticksUntilPing({ ...calm, hidden: true })).toBe(48);
  });

  test('hidden: a timer a minute is throttling, no freeze', () => {
    expect(ticksUntilPing({ ...calm, hidden: true, sinceLastTickMs: 60_000 })).toBe(48);
  });

  test('frozen: a late tick forgives all and gives grace', () => {
    const late = planTick(
      { silentTicks: 11, graceTicksLeft: 0 },
      { ...calm, sinceLastTickMs: 600_000 },
      policy,
    );
    expect(late).toEqual({ vigil: { silentTicks: 0, graceTicksLeft: 2 }, verdict: 'trust' });
    const next = planTick(late.vigil, calm, policy);
    expect(next).toEqual({ vigil: { silentTicks: 0, graceTicksLeft: 1 }, verdict: 'trust' });
  });
});

describe('planRestart', () => {
  test('back-off: doubles from the base and is capped', () => {
    expect([1, 2, 3, 20].map((deaths) => planRestart(deaths, policy))).toEqual([500, 1000, 2000, 30_000]);
  });

  test('health: earlier deaths are forgotten after a good while', () => {
    expect(planDeathCount(4, 1_000, policy)).toBe(5);
    expect(planDeathCount(4, 60_000, policy)).toBe(1);
  });
});
