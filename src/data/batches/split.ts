// Which samples are held out for evaluation. Depends on the number of samples, the share and the seed only, so that the
// same samples stay held out whatever the model, the sequence length or the mask; and on what was said to stand together.
import { hashSeed, Random } from '../../lib/random';
import { shuffled } from '../runtime/length-sorted';

export interface SplitSource {
  readonly count: number;
  /** Samples that stand where another one stands. */
  readonly beside: ReadonlyMap<number, number>;
}

/**
 * 1 for each held-out sample; at least one is held out and one is not where there are two that may stand apart.
 * @param evalShare from 0; 1 holds all of them out.
 */
export function splitSamples({ count, beside }: SplitSource, evalShare: number, seed: number): Uint8Array {
  const heldOut = new Uint8Array(count);
  if (evalShare >= 1) return heldOut.fill(1);
  if (evalShare <= 0 || count < 2) return heldOut;
  const size = Math.min(count - 1, Math.max(1, Math.round(count * evalShare)));
  const order = shuffled(count, new Random(hashSeed(seed, 'split')));
  for (const sample of order.subarray(0, size)) heldOut[sample] = 1;
  for (const [sample, other] of beside) heldOut[sample] = heldOut[other] ?? 0;
  // All stand together: nothing can be held out.
  return heldOut.includes(0) ? heldOut : heldOut.fill(0);
}
