// How long a plan takes, for choosing between plans.
import type { Plan } from '../plan';
import type { GpuTimer } from './gpu-timer';

/** A measurement shorter than this is mostly noise. */
const MEASURED_MS = 20;
const MAX_RUNS = 64;

/** Milliseconds of one run of `plan`, the best of `rounds`. */
export async function timePlan(timer: GpuTimer, plan: Plan, rounds: number): Promise<number> {
  const once = await timer.measure(() => plan.run());
  const runs = Math.min(MAX_RUNS, Math.max(1, Math.ceil(MEASURED_MS / Math.max(once, 0.05))));
  let best = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const all = await timer.measure(() => {
      for (let run = 0; run < runs; run += 1) plan.run();
    });
    best = Math.min(best, all / runs);
  }
  return best;
}
