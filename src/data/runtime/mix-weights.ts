// How likely a dataset is drawn from: its weight, and whether it is active. Pure arithmetic over a share and the clock.
import { AppError } from '../../lib/errors';
import type { DatasetShare, MixWeighting } from '../../protocol/mix';
import type { SampleClock } from '../../protocol/training';

export interface MixSizes {
  rows: number;
  /** Of all datasets together. */
  allRows: number;
}

/** @throws AppError `config.invalid` for a weighting that there is not. */
export function weightOf(
  share: Pick<DatasetShare, 'probability' | 'disableAfter'>,
  { rows, allRows }: MixSizes,
  weighting: MixWeighting,
  step: number,
): number {
  switch (weighting) {
    case 'uniform':
      return share.probability;
    case 'auto-weighting':
      return share.probability * (rows / allRows) * fading(share.disableAfter, step);
    default:
      throw new AppError('config.invalid', `There is no weighting "${String(weighting)}".`, {
        remedy: 'Choose uniform or auto-weighting.',
        details: { path: 'mix.weighting', value: weighting },
      });
  }
}

/** From 1 at the beginning to 0 at that step, and 0 after it. */
function fading(disableAfter: number | null, step: number): number {
  return disableAfter === null ? 1 : Math.max(0, 1 - step / disableAfter);
}

/** Both ends take part. The clock counts what is done; schedules count from 1. */
export function isActive(
  { startEpoch, startStep, endEpoch, endStep }: DatasetShare,
  clock: Pick<SampleClock, 'epoch' | 'optimizerStep'>,
): boolean {
  const epoch = clock.epoch + 1;
  const step = clock.optimizerStep + 1;
  if (epoch < startEpoch || step < startStep) return false;
  return (endEpoch === null || epoch <= endEpoch) && (endStep === null || step <= endStep);
}
