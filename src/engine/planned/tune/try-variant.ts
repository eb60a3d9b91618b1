// One variant of a kernel on a device: whether it compiles and is right, and how long it takes. Drivers differ.
import { AppError } from '../../../lib/errors';
import type { Plan } from '../plan';
import type { GpuTimer } from './gpu-timer';
import { timePlan } from './time-plan';

/** A kernel with operands of its own, in any variant. */
export interface Trial<Variant> {
  /** @throws AppError `engine.kernel-failed` when the variant does not compile. */
  plan(variant: Variant): Promise<Plan>;
  /** Whether one run of `plan` leaves the right numbers. */
  isRight(plan: Plan): Promise<boolean>;
}

type Tried = { fault: string } | { fault: null; milliseconds: number };

async function attempt<Variant>(
  trial: Trial<Variant>,
  variant: Variant,
  time: (plan: Plan) => Promise<number>,
): Promise<Tried> {
  try {
    const plan = await trial.plan(variant);
    try {
      if (!(await trial.isRight(plan))) return { fault: 'It computed wrong.' };
      return { fault: null, milliseconds: await time(plan) };
    } finally {
      plan.dispose();
    }
  } catch (error) {
    if (error instanceof AppError && error.code === 'engine.kernel-failed') return { fault: error.message };
    throw error;
  }
}

/** Why a variant is not to be used; null where it is right. */
export async function faultOf<Variant>(trial: Trial<Variant>, variant: Variant): Promise<string | null> {
  return (await attempt(trial, variant, () => Promise.resolve(0))).fault;
}

/** @param rounds measurements; the best counts. @returns milliseconds; null when the variant is wrong or does not compile. */
export async function timeVariant<Variant>(
  trial: Trial<Variant>,
  timer: GpuTimer,
  variant: Variant,
  rounds: number,
): Promise<number | null> {
  const tried = await attempt(trial, variant, (plan) => timePlan(timer, plan, rounds));
  return tried.fault === null ? tried.milliseconds : null;
}
