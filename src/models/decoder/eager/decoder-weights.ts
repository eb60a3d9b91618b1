// Where a decoder finds its weights while it runs: the base, the base with an adapter, or what a training holds.
// Views own nothing; they are asked anew in every pass, since a training replaces its tensors at each step.
import type { LinearWeights, Tensor } from '../../../engine';

export interface DecoderWeights {
  /** Embedding and norms, in the file's shape. */
  tensor(name: string): Tensor;
  /** A projection by its module path. */
  linear(path: string): LinearWeights;
  /** Output projection [hidden, vocabulary] where it has weights of its own or a transposed copy; null: use the embedding. */
  head(): Tensor | null;
}
