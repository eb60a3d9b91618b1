// LoRA dropout. Masks are functions of (seed, layer, site), so recomputing a block finds the same ones. One field of
// draws per pass, read from a different place for each mask: drawing each anew would cost more than the products.
import { fromFloats, type Tensor } from '../../../engine';
import { hashSeed, uniformAt } from '../../../lib/random';

/** Inputs that projections share, and with them the mask. */
export type DropoutSite = 'attention-in' | 'attention-out' | 'mlp-in' | 'mlp-out';

export interface DropoutMasks {
  /** 0 or 1 / (1 - p), [rows, width]; null where there is no dropout. Owned by the caller. */
  mask(layer: number, site: DropoutSite, rows: number, width: number): Tensor | null;
}

export const noDropout: DropoutMasks = { mask: () => null };

/** Draws shared by the masks of one pass, at least; a wider mask gets as many as it needs twice over. */
const FIELD_SIZE = 1 << 18;

export class SeededDropout implements DropoutMasks {
  readonly #probability: number;
  readonly #seed: number;
  #field = new Float32Array(0);

  constructor(probability: number, seed: number) {
    this.#probability = probability;
    this.#seed = seed;
  }

  mask(layer: number, site: DropoutSite, rows: number, width: number): Tensor | null {
    if (this.#probability <= 0) return null;
    const size = rows * width;
    const field = this.#fieldOf(Math.max(FIELD_SIZE, 2 * size));
    const start = hashSeed(this.#seed, layer, site) % (field.length - size + 1);
    return fromFloats(field.subarray(start, start + size), [rows, width]);
  }

  /** Draw i is a function of (seed, i), so a longer field begins like a shorter one; the place depends on its length. */
  #fieldOf(size: number): Float32Array {
    if (this.#field.length >= size) return this.#field;
    const kept = 1 / (1 - this.#probability);
    this.#field = Float32Array.from({ length: size }, (_, i) =>
      uniformAt(this.#seed, i) < this.#probability ? 0 : kept,
    );
    return this.#field;
  }
}
