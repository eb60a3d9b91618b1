// How a mix unfolds over a run: where its epochs begin and how often each dataset is drawn from. Found by drawing, since
// schedules and exhaustion make epochs differ.
import { AppError } from '../../lib/errors';
import type { BatchPlan } from '../../protocol/batches';
import type { MixIterator } from './mix-iterator';

export interface RunExtent {
  /** First micro-step of each epoch, and of the one after the last that is over. */
  epochStarts: number[];
  /** Batches drawn of each source. */
  draws: number[];
}

/** Draws looked at ahead: about a second. What lies beyond is told by the epochs before it. */
const MOST_DRAWS = 2_000_000;

/** @throws AppError `training.invalid` where no dataset is active somewhere on the way. */
export function measureRun(
  iterator: MixIterator,
  sources: number,
  until: NonNullable<BatchPlan['until']> = { epochs: 1 },
): RunExtent {
  const epochs = 'epochs' in until ? Math.max(1, Math.ceil(until.epochs)) : Infinity;
  const microSteps = Math.min(MOST_DRAWS, 'microSteps' in until ? until.microSteps : Infinity);
  const extent: RunExtent = { epochStarts: [0], draws: new Array<number>(sources).fill(0) };
  let drawn = 0;
  while (extent.epochStarts.length <= epochs && drawn < microSteps) {
    const draw = iterator.next();
    if (draw === null) {
      extent.epochStarts.push(drawn);
      continue;
    }
    drawn += 1;
    extent.draws[draw.source] = (extent.draws[draw.source] ?? 0) + 1;
  }
  if (drawn === MOST_DRAWS && extent.epochStarts.length === 1 && epochs < Infinity) throw tooLong();
  return extent;
}

function tooLong(): AppError {
  return new AppError('training.invalid', `An epoch of this mix has more than ${MOST_DRAWS} batches.`, {
    remedy: 'Set a number of steps in place of epochs, or a larger batch size.',
    details: { path: 'maxSteps' },
  });
}
