// Which samples are held out for evaluation. Depends on the number of samples, the share and the seed only, so that the
// same samples stay held out whatever the model, the sequence length or the mask.
import { hashSeed, Random } from '../../lib/random';

/** 1 for each held-out sample; at least one is held out and one is not where there are two. */
export function splitSamples(count: number, evalShare: number, seed: number): Uint8Array {
  const heldOut = new Uint8Array(count);
  if (evalShare <= 0 || count < 2) return heldOut;
  const size = Math.min(count - 1, Math.max(1, Math.round(count * evalShare)));
  const order = new Random(hashSeed(seed, 'split')).shuffle([...heldOut.keys()]);
  for (const sample of order.slice(0, size)) heldOut[sample] = 1;
  return heldOut;
}
