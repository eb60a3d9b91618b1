// Which variants of the kernels are not to be trusted on a device, and why: they did not compile, or computed wrong. The
// next one runs in their place. Holds names only; who chooses variants asks it.
import { AppError } from '../../lib/errors';

/** Rows shared by a workgroup, and keys of attention that come through workgroup memory: both can be done without. */
export const SHARED_ROWS = 'rows shared by a workgroup';
export const SHARED_ATTENTION = 'attention through workgroup memory';

export class KernelVariants {
  readonly #setAside = new Map<string, string>();

  isUsable(name: string): boolean {
    return !this.#setAside.has(name);
  }

  /** Reasons by name. */
  get setAside(): ReadonlyMap<string, string> {
    return this.#setAside;
  }

  drop(name: string, reason: string): void {
    this.#setAside.set(name, reason);
  }

  /** It was not the culprit. */
  reinstate(name: string): void {
    this.#setAside.delete(name);
  }

  /** @returns whether `error` tells of a variant that did not compile and that was in use until now. */
  dropFor(error: unknown): boolean {
    if (!(error instanceof AppError) || error.code !== 'engine.kernel-failed') return false;
    const variant = error.details['variant'];
    if (typeof variant !== 'string' || !this.isUsable(variant)) return false;
    this.drop(variant, error.message);
    return true;
  }
}
