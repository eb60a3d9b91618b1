// What a silence means and when to start again: decisions only. The supervisor asks and acts.
// Silence is counted in the supervisor's own ticks: a page that was frozen did not hear, which is no fault of a worker.

export interface SupervisionPolicy {
  /** Milliseconds between the supervisor's looks. */
  tickMs: number;
  /** Asked of the worker. */
  heartbeatMs: number;
  /** Silence that raises suspicion, by what the worker was doing when last heard of. */
  deadlinesMs: Record<string, number>;
  defaultDeadlineMs: number;
  /** Hidden pages have throttled timers: deadlines are that many times longer. */
  hiddenFactor: number;
  /** Ticks after a freeze during which nothing is judged. */
  graceTicks: number;
  /** Time to answer a direct ping before death is declared. */
  pingMs: number;
  backoffBaseMs: number;
  backoffCapMs: number;
  /** Healthy for this long: earlier deaths are forgotten. */
  forgetAfterMs: number;
}

export const DEFAULT_POLICY: SupervisionPolicy = {
  tickMs: 5_000,
  heartbeatMs: 30_000,
  // Training and tokenising send progress beats; one kernel or one file may still take long on a slow machine.
  deadlinesMs: { starting: 120_000, training: 180_000, generating: 120_000, tokenising: 180_000 },
  defaultDeadlineMs: 60_000,
  hiddenFactor: 4,
  graceTicks: 4,
  pingMs: 10_000,
  backoffBaseMs: 500,
  backoffCapMs: 30_000,
  forgetAfterMs: 60_000,
};

/** Where the judgement of one worker stands. */
export interface Vigil {
  silentTicks: number;
  graceTicksLeft: number;
}

export interface TickFacts {
  /** Milliseconds since the tick before. */
  sinceLastTickMs: number;
  hidden: boolean;
  activity: string;
}

export type Verdict = 'trust' | 'ping';

/** One tick without a sign of life: count it, or forgive it. */
export function planTick(
  vigil: Vigil,
  facts: TickFacts,
  policy: SupervisionPolicy,
): { vigil: Vigil; verdict: Verdict } {
  if (facts.sinceLastTickMs > frozenAfterMs(facts.hidden, policy)) {
    return { vigil: { silentTicks: 0, graceTicksLeft: policy.graceTicks }, verdict: 'trust' };
  }
  if (vigil.graceTicksLeft > 0) {
    return { vigil: { silentTicks: 0, graceTicksLeft: vigil.graceTicksLeft - 1 }, verdict: 'trust' };
  }
  const silentTicks = vigil.silentTicks + 1;
  const deadlineMs = policy.deadlinesMs[facts.activity] ?? policy.defaultDeadlineMs;
  const allowedMs = facts.hidden ? deadlineMs * policy.hiddenFactor : deadlineMs;
  const verdict = silentTicks * policy.tickMs >= allowedMs ? 'ping' : 'trust';
  return { vigil: { silentTicks, graceTicksLeft: 0 }, verdict };
}

/** A gap longer than this is a freeze. Hidden pages get a timer a minute at worst: that alone is none. */
function frozenAfterMs(hidden: boolean, policy: SupervisionPolicy): number {
  return hidden ? Math.max(90_000, 3 * policy.tickMs) : 3 * policy.tickMs;
}

/** Milliseconds before the next start: base, doubled with each death in a row, capped. `deaths` counts from 1. */
export function planRestart(deaths: number, policy: SupervisionPolicy): number {
  return Math.min(policy.backoffCapMs, policy.backoffBaseMs * 2 ** Math.max(0, deaths - 1));
}

/** Deaths in a row, this one included. */
export function planDeathCount(before: number, livedMs: number, policy: SupervisionPolicy): number {
  return livedMs >= policy.forgetAfterMs ? 1 : before + 1;
}
