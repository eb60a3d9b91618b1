// Samples that say the same, found by 128-bit hashes of what they say.
import { createXXHash128 } from 'hash-wasm';

export class ExactDuplicates {
  readonly #hasher: Awaited<ReturnType<typeof createXXHash128>>;
  readonly #first = new Map<string, number>();

  private constructor(hasher: Awaited<ReturnType<typeof createXXHash128>>) {
    this.#hasher = hasher;
  }

  static async open(): Promise<ExactDuplicates> {
    return new ExactDuplicates(await createXXHash128());
  }

  /** @returns the first sample that said the same; null where this one is it. */
  add(sample: number, content: string): number | null {
    const hash = this.#hasher.init().update(content).digest('hex');
    const first = this.#first.get(hash);
    if (first === undefined) this.#first.set(hash, sample);
    return first ?? null;
  }
}
