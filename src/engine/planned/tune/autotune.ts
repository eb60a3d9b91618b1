// Times the candidates for a shape on the user's device and keeps the fastest that is right. A candidate that does not
// compile, or whose numbers are wrong, is passed over: drivers differ.
import type { MatMulShape, MatMulVariant } from '../kernels/mat-mul-shape';
import { sharedBytes, sharedThreads } from '../kernels/mat-mul-shared';
import type { PlanDevice } from '../plan-device';
import { candidateVariants } from './default-variants';
import { GpuTimer } from './gpu-timer';
import { MatMulTrial } from './mat-mul-trial';
import { timeVariant } from './try-variant';
import { matMulKey, type TunedChoice, type TuningTable } from './tuning-table';

/** Whether a device allows a variant. @param subgroupLanes of its subgroups, 0 for none. */
export function isPossible(
  variant: MatMulVariant,
  limits: Pick<GPUSupportedLimits, 'maxComputeWorkgroupStorageSize' | 'maxComputeInvocationsPerWorkgroup'>,
  subgroupLanes: number,
): boolean {
  if (variant.kind === 'subgroup' && variant.lanes !== subgroupLanes) return false;
  if (variant.kind !== 'shared') return variant.workgroupSize <= limits.maxComputeInvocationsPerWorkgroup;
  return (
    sharedBytes(variant) <= limits.maxComputeWorkgroupStorageSize &&
    sharedThreads(variant) <= limits.maxComputeInvocationsPerWorkgroup
  );
}

/**
 * The right candidates for `shape`, fastest first.
 * @param rounds measurements of each; the best counts.
 */
export async function rankVariants(
  device: PlanDevice,
  shape: MatMulShape,
  candidates: readonly MatMulVariant[],
  rounds = 3,
): Promise<TunedChoice[]> {
  const timer = new GpuTimer(device.device);
  const trial = await MatMulTrial.open(device, shape);
  try {
    const ranked: TunedChoice[] = [];
    for (const variant of candidates) {
      if (!isPossible(variant, device.device.limits, device.target.subgroupLanes)) continue;
      const milliseconds = await timeVariant(trial, timer, variant, rounds);
      if (milliseconds !== null) ranked.push({ variant, milliseconds });
    }
    return ranked.sort((x, y) => x.milliseconds - y.milliseconds);
  } finally {
    trial.dispose();
    timer.dispose();
  }
}

/** Fills `table` for the shapes it does not know. @returns how many choices it made; shapes that nothing computes right stay out. */
export async function tune(
  device: PlanDevice,
  shapes: readonly MatMulShape[],
  table: TuningTable,
): Promise<number> {
  let made = 0;
  for (const shape of shapes) {
    const key = matMulKey(shape);
    if (table.get(key) !== null) continue;
    const [best] = await rankVariants(device, shape, candidateVariants(shape, device.target));
    if (best === undefined) continue;
    table.set(key, best);
    made += 1;
  }
  return made;
}
