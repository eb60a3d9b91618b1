// Tokenised samples, the least recently used forgotten first, within a budget of bytes.
import type { Example } from '../examples/example-encoder';

export class ExampleCache {
  readonly #budgetBytes: number;
  readonly #examples = new Map<number, Example>();
  #bytes = 0;

  constructor(budgetBytes: number) {
    this.#budgetBytes = budgetBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(sample: number): Example | null {
    const example = this.#examples.get(sample);
    if (example === undefined) return null;
    this.#examples.delete(sample);
    this.#examples.set(sample, example);
    return example;
  }

  put(sample: number, example: Example): void {
    const size = sizeOf(example);
    if (size > this.#budgetBytes || this.#examples.has(sample)) return;
    this.#examples.set(sample, example);
    this.#bytes += size;
    for (const [oldest, { ids, trained }] of this.#examples) {
      if (this.#bytes <= this.#budgetBytes) break;
      this.#examples.delete(oldest);
      this.#bytes -= ids.byteLength + trained.byteLength;
    }
  }

  clear(): void {
    this.#examples.clear();
    this.#bytes = 0;
  }
}

function sizeOf({ ids, trained }: Example): number {
  return ids.byteLength + trained.byteLength;
}
