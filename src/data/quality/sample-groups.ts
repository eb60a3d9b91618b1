// Samples that belong together, joined pair by pair (union-find with path halving). Numbers of samples only.
import type { SampleGroup } from '../../protocol/quality';

export class SampleGroups {
  readonly #parent: Uint32Array;
  /** Least similarity of a pair that was joined, by the group's first sample. */
  readonly #least = new Map<number, number>();

  constructor(samples: number) {
    this.#parent = Uint32Array.from({ length: samples }, (_, i) => i);
  }

  /** The first sample of its group. */
  firstOf(sample: number): number {
    const parent = this.#parent;
    let at = sample;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at] ?? at] ?? at;
      at = parent[at] ?? at;
    }
    return at;
  }

  join(a: number, b: number, similarity: number): void {
    const [one, other] = [this.firstOf(a), this.firstOf(b)];
    const [first, later] = [Math.min(one, other), Math.max(one, other)];
    const least = Math.min(this.#least.get(one) ?? 1, this.#least.get(other) ?? 1, similarity);
    this.#parent[later] = first;
    this.#least.delete(later);
    this.#least.set(first, least);
  }

  /** Groups of two and more, by their first sample. */
  list(): SampleGroup[] {
    const members = new Map<number, number[]>();
    for (let sample = 0; sample < this.#parent.length; sample += 1) {
      const first = this.firstOf(sample);
      if (!this.#least.has(first)) continue;
      const known = members.get(first);
      if (known === undefined) members.set(first, [sample]);
      else known.push(sample);
    }
    return [...members].map(([first, samples]) => ({ samples, similarity: this.#least.get(first) ?? 1 }));
  }
}
