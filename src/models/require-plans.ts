// Bases in fewer than 32 bits are the planned engine's.
import type { PlanDevice } from '../engine';
import { AppError } from '../lib/errors';
import type { WeightStorage } from '../protocol/models';

/** @throws AppError `model.unsupported` for few bits where there is no planned engine. */
export function requirePlans(storage: WeightStorage, plans: PlanDevice | null): void {
  if (storage === 'f32' || plans !== null) return;
  throw new AppError('model.unsupported', `Weights in ${storage} need WebGPU, which is not in use.`, {
    details: { storage },
    remedy: 'Keep the weights in f32, or choose WebGPU in the settings.',
  });
}
