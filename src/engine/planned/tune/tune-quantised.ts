// Times the candidates for a product with a matrix in few bits on the user's device and keeps the fastest that is right.
import { quantisedCandidates } from '../kernels/quantised-default';
import { quantisedKey, type QuantisedShape } from '../kernels/quantised-shape';
import type { PlanDevice } from '../plan-device';
import { SOFTWARE_TRAITS } from '../recorder';
import { GpuTimer } from './gpu-timer';
import { QuantisedTrial } from './quantised-trial';
import { timeVariant } from './try-variant';
import type { TunedQuantised, TuningTable } from './tuning-table';

/** Of W: beyond, a product takes longer in proportion, and a trial's numbers would fill the host's memory. */
const MOST_ELEMENTS = 2 ** 22;

const trialShape = (shape: QuantisedShape): QuantisedShape => ({
  ...shape,
  out: Math.min(shape.out, Math.max(4, Math.floor(MOST_ELEMENTS / shape.in / 4) * 4)),
});

/** Fills `table` for the shapes it does not know; those that nothing computes right stay out. @returns how many it made. */
export async function tuneQuantised(
  device: PlanDevice,
  shapes: readonly QuantisedShape[],
  table: TuningTable,
  rounds = 3,
): Promise<number> {
  const timer = new GpuTimer(device.device);
  let made = 0;
  try {
    for (const shape of shapes) {
      const key = quantisedKey(shape);
      if (table.getQuantised(key) !== null) continue;
      const trial = await QuantisedTrial.open(device, trialShape(shape));
      try {
        const tried: TunedQuantised[] = [];
        for (const variant of quantisedCandidates(
          shape,
          device.traits.rowLanes === SOFTWARE_TRAITS.rowLanes,
        )) {
          const milliseconds = await timeVariant(trial, timer, variant, rounds);
          if (milliseconds !== null) tried.push({ variant, milliseconds });
        }
        const [best] = tried.sort((x, y) => x.milliseconds - y.milliseconds);
        if (best === undefined) continue;
        table.setQuantised(key, best);
        made += 1;
      } finally {
        trial.dispose();
      }
    }
  } finally {
    timer.dispose();
  }
  return made;
}
