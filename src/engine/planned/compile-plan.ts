// A recording made ready to run, without the variants that do not compile: these are set aside for the device, and the
// recording is made again, which then takes others.
import type { BufferRange } from './gpu-memory';
import { Plan } from './plan';
import type { PlanDevice } from './plan-device';
import type { Recording, Value } from './recorder';

/**
 * @param record with a recorder of the device; called again after each variant that is set aside.
 * @throws AppError `engine.kernel-failed` where there is no other variant.
 */
export async function compilePlan(
  device: PlanDevice,
  record: () => Recording,
  rangeOf: (value: Value) => BufferRange,
): Promise<Plan> {
  for (;;) {
    try {
      return await Plan.compile(device, record(), rangeOf);
    } catch (error) {
      if (!device.variants.dropFor(error)) throw error;
    }
  }
}
