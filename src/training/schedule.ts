// Learning-rate schedules: the factor on the configured rate, by optimizer step. Pure; a resumed run needs no state
// but its step. Warm-up rises linearly to 1, then the schedule falls over the steps that are left.
import type { ScheduleName } from '../protocol/training';

export interface Schedule {
  readonly name: string;
  /** Factor for an optimizer step, counted from 1 to totalSteps. */
  multiplier(step: number): number;
}

export interface ScheduleOptions {
  /** Optimizer steps of the whole run. */
  totalSteps: number;
  /** Optimizer steps of warm-up, 0 to totalSteps. */
  warmupSteps: number;
}

/** Shape of the part after warm-up: progress runs from 0 at its first step to just below 1 at its last. */
type Decay = (progress: number) => number;

const DECAYS: Record<ScheduleName, Decay> = {
  constant: () => 1,
  linear: (progress) => 1 - progress,
  // Loshchilov and Hutter, "SGDR", eq. 5, one period and a floor of 0.
  cosine: (progress) => (1 + Math.cos(Math.PI * progress)) / 2,
};

export const SCHEDULE_NAMES = Object.keys(DECAYS) as ScheduleName[];

/** Steps are counted so that neither the first nor the last one has a rate of 0: no step is wasted. */
export function createSchedule(name: ScheduleName, options: ScheduleOptions): Schedule {
  const { totalSteps, warmupSteps } = options;
  const decay = DECAYS[name];
  return {
    name,
    multiplier(step) {
      if (step <= warmupSteps) return step / warmupSteps;
      return decay((step - warmupSteps - 1) / Math.max(1, totalSteps - warmupSteps));
    },
  };
}
