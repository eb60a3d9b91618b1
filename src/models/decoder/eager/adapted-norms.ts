// Lengths of the rows of adapted weights, |W + scale B A|, which DoRA divides by: worked out once for each state of the
// weights. The gradient takes them as constants (Liu et al. 2024, section 4.3). Owns what it worked out.
import { adaptedNorms, dispose, keep, type LoraSide, type Tensor } from '../../../engine';

export class AdaptedNorms {
  readonly #known = new Map<string, Tensor>();

  /** @returns [out]; this object stays the owner. @param weight [in, out]. */
  of(path: string, weight: Tensor, side: LoraSide): Tensor {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const norms = keep(adaptedNorms(weight, side));
    this.#known.set(path, norms);
    return norms;
  }

  /** The weights have changed, or are no longer needed. */
  clear(): void {
    dispose([...this.#known.values()]);
    this.#known.clear();
  }
}
