// Memory of keys and values in pages of 32 tokens, for all sequences of a model. Sequences own pages by number; the pool
// grows when none is left, and what is kept stays. Owns its buffers.
import type { BufferRange, GpuMemory } from './gpu-memory';
import { PAGE_TOKENS } from './kernels/decode-attention';
import { externalValue, type Value } from './recorder';

export interface PoolShape {
  layers: number;
  kvHeads: number;
  headSize: number;
}

const FIRST_PAGES = 16;

export class PagePool {
  /** Of each layer; what plans bind. */
  readonly keys: readonly Value[];
  readonly values: readonly Value[];
  readonly #memory: GpuMemory;
  readonly #pageBytes: number;
  readonly #arrays: readonly Value[];
  readonly #ranges = new Map<Value, BufferRange>();
  readonly #free: number[] = [];
  #pages = 0;
  #growing: Promise<void> | null = null;
  #generation = 0;

  constructor(memory: GpuMemory, { layers, kvHeads, headSize }: PoolShape) {
    this.#memory = memory;
    this.#pageBytes = kvHeads * PAGE_TOKENS * headSize * 4;
    const shape = [kvHeads, PAGE_TOKENS, headSize];
    const arrays = (name: string): Value[] =>
      Array.from({ length: layers }, (_, layer) => externalValue(`${name} of layer ${layer}`, shape));
    this.keys = arrays('keys');
    this.values = arrays('values');
    this.#arrays = [...this.keys, ...this.values];
  }

  /** Changes whenever the arrays have moved. */
  get generation(): number {
    return this.#generation;
  }

  get bytes(): number {
    return this.#pages * this.#pageBytes * this.#arrays.length;
  }

  /** Pages that somebody has. */
  get usedPages(): number {
    return this.#pages - this.#free.length;
  }

  /** null for values of others. */
  rangeOf(value: Value): BufferRange | null {
    return this.#ranges.get(value) ?? null;
  }

  /** Pages for the caller, who releases them. @throws AppError `engine.out-of-memory`; then nothing is taken. */
  async take(count: number): Promise<number[]> {
    while (this.#free.length < count) {
      this.#growing ??= this.#grow(this.#pages + count - this.#free.length);
      try {
        await this.#growing;
      } finally {
        this.#growing = null;
      }
    }
    return this.#free.splice(this.#free.length - count, count);
  }

  release(pages: readonly number[]): void {
    this.#free.push(...pages);
  }

  /** Copies a page to another one, before anything that is submitted once this resolves. */
  async copy(from: number, to: number): Promise<void> {
    const bytes = this.#pageBytes;
    const ranges = [...this.#ranges.values()];
    // A buffer cannot be copied to itself.
    const between = await this.#memory.allocate(bytes * ranges.length, 'a page on its way');
    const encoder = this.#memory.device.createCommandEncoder();
    ranges.forEach(({ buffer }, i) => {
      encoder.copyBufferToBuffer(buffer, from * bytes, between, i * bytes, bytes);
    });
    ranges.forEach(({ buffer }, i) => {
      encoder.copyBufferToBuffer(between, i * bytes, buffer, to * bytes, bytes);
    });
    this.#memory.device.queue.submit([encoder.finish()]);
    this.#memory.free(between);
  }

  dispose(): void {
    for (const { buffer } of this.#ranges.values()) this.#memory.free(buffer);
    this.#ranges.clear();
    this.#pages = 0;
    this.#free.length = 0;
  }

  async #grow(least: number): Promise<void> {
    const pages = Math.max(FIRST_PAGES, 2 * this.#pages, least);
    const bytes = pages * this.#pageBytes;
    const fresh: GPUBuffer[] = [];
    try {
      for (const { name } of this.#arrays) fresh.push(await this.#memory.allocate(bytes, name));
    } catch (error) {
      for (const buffer of fresh) this.#memory.free(buffer);
      throw error;
    }
    const encoder = this.#memory.device.createCommandEncoder();
    const old = [...this.#ranges.values()];
    this.#arrays.forEach((value, index) => {
      const buffer = fresh[index] as GPUBuffer;
      const before = this.#ranges.get(value);
      if (before !== undefined) encoder.copyBufferToBuffer(before.buffer, 0, buffer, 0, before.bytes);
      this.#ranges.set(value, { buffer, offset: 0, bytes });
    });
    this.#memory.device.queue.submit([encoder.finish()]);
    for (const { buffer } of old) this.#memory.free(buffer);
    for (let page = pages - 1; page >= this.#pages; page -= 1) this.#free.push(page);
    this.#pages = pages;
    this.#generation += 1;
  }
}
