// The built-in learning-rate schedules. Pure; a resumed run needs no state but its step. Warm-up rises linearly to 1,
// then the schedule falls over the steps that are left.
import type { DynamicFactory } from '../core/factory';
import type { Schedule } from '../core/factories';
import type { BuiltInSchedule } from '../protocol/training';

/** Shape of the part after warm-up: progress runs from 0 at its first step to just below 1 at its last. */
type Decay = (progress: number) => number;

const DECAYS: Record<BuiltInSchedule, Decay> = {
  constant: () => 1,
  linear: (progress) => 1 - progress,
  // Loshchilov and Hutter, "SGDR", eq. 5, one period and a floor of 0.
  cosine: (progress) => (1 + Math.cos(Math.PI * progress)) / 2,
};

export const SCHEDULE_NAMES = Object.keys(DECAYS) as BuiltInSchedule[];

/** Steps are counted so that neither the first nor the last one has a rate of 0: no step is wasted. */
export function createSchedule(name: BuiltInSchedule): Schedule {
  const decay = DECAYS[name];
  return (step, totalSteps, warmupSteps) => {
    if (step <= warmupSteps) return step / warmupSteps;
    return decay((step - warmupSteps - 1) / Math.max(1, totalSteps - warmupSteps));
  };
}

/** Puts them where plugins put theirs. */
export function registerSchedules(factory: DynamicFactory<Schedule>): void {
  for (const name of SCHEDULE_NAMES) factory.register(name, () => createSchedule(name));
}
