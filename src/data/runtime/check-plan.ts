// A plan that is out of range is refused before anything is read.
import { AppError } from '../../lib/errors';
import type { BatchPlan } from '../../protocol/batches';

/** @throws AppError `config.invalid` for a plan out of range. */
export function checkPlan(plan: BatchPlan): void {
  const whole = (name: 'sequenceLength' | 'batchSize', least: number): void => {
    if (Number.isSafeInteger(plan[name]) && plan[name] >= least) return;
    throw new AppError(
      'config.invalid',
      `${name} is ${plan[name]}; it must be a whole number of at least ${least}.`,
      {
        remedy: `Set ${name} to ${least} or more.`,
        details: { path: name, value: plan[name] },
      },
    );
  };
  whole('sequenceLength', 2);
  whole('batchSize', 1);
  if (plan.evalShare >= 0 && plan.evalShare < 1) return;
  throw new AppError('config.invalid', `evalShare is ${plan.evalShare}; it must be from 0 to below 1.`, {
    remedy: 'Set evalShare to 0.1, or to 0 for no evaluation.',
    details: { path: 'evalShare', value: plan.evalShare },
  });
}
