// The memory of the temporary arrays of all plans of a device. Plans run one after the other and leave nothing in it, so
// they share it: it is as large as the largest plan. It grows when a plan is made; older plans then bind it anew.
import type { GpuMemory } from './gpu-memory';

export class ArenaMemory {
  readonly #memory: GpuMemory;
  #slabs: GPUBuffer[] = [];
  #generation = 0;

  constructor(memory: GpuMemory) {
    this.#memory = memory;
  }

  get slabs(): readonly GPUBuffer[] {
    return this.#slabs;
  }

  get bytes(): number {
    return this.#slabs.reduce((sum, { size }) => sum + size, 0);
  }

  /** Changes whenever a slab is another buffer than before. */
  get generation(): number {
    return this.#generation;
  }

  /** Makes room for slabs of these sizes. @throws AppError `engine.out-of-memory`; what was there stays usable. */
  async reserve(sizes: readonly number[]): Promise<void> {
    for (const [index, size] of sizes.entries()) {
      const old = this.#slabs[index];
      if (old !== undefined && old.size >= size) continue;
      const slab = await this.#memory.allocate(size, 'the arrays of a step');
      this.#slabs[index] = slab;
      this.#generation += 1;
      if (old !== undefined) this.#memory.free(old);
    }
  }

  dispose(): void {
    for (const slab of this.#slabs) this.#memory.free(slab);
    this.#slabs = [];
    this.#generation += 1;
  }
}
