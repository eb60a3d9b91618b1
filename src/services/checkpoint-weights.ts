// The weights that a checkpoint holds, by name: the averaged ones where the run kept an average.
import type { StateArrays } from '../models/trainable-model';

export function checkpointWeights(arrays: StateArrays): StateArrays {
  const weights: StateArrays = new Map();
  for (const part of ['parameter/', 'ema/']) {
    for (const [key, array] of arrays) {
      if (key.startsWith(part)) weights.set(key.slice(part.length), array);
    }
  }
  return weights;
}
