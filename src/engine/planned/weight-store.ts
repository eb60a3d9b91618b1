// Weights on the GPU by name, as a layout places them: the weights themselves, their gradients, or a moment of the
// optimizer. Rows of groups in few bits are quantised on their way in. Owns its buffers.
import type { BufferRange, GpuMemory, StartedBuffer } from './gpu-memory';
import type { Quantiser, QuantiserTarget } from './quantiser';
import { elements, type Value } from './recorder';
import type { PieceRange, WeightLayout } from './weight-layout';

const FLOAT_BYTES = 4;

/** One set of flat arrays in a layout. */
export class WeightStore {
  readonly layout: WeightLayout;
  readonly #memory: GpuMemory;
  readonly #label: string;
  /** By the number of the flat array; all of them unless the store is being filled. */
  readonly #buffers = new Map<number, StartedBuffer>();

  private constructor(layout: WeightLayout, memory: GpuMemory, label: string) {
    this.layout = layout;
    this.#memory = memory;
    this.#label = label;
  }

  /** Zeroed. @throws AppError `engine.out-of-memory`; nothing stays allocated then. */
  static async allocate(layout: WeightLayout, memory: GpuMemory, label: string): Promise<WeightStore> {
    const store = WeightStore.open(layout, memory, label);
    try {
      await store.complete();
      return store;
    } catch (error) {
      store.dispose();
      throw error;
    }
  }

  /**
   * Without memory yet: each flat array is allocated when `prepare` first asks for one of its weights.
   * @throws AppError `engine.out-of-memory` where all of it together is beyond the budget.
   */
  static open(layout: WeightLayout, memory: GpuMemory, label: string): WeightStore {
    memory.require(layout.bytes, label);
    return new WeightStore(layout, memory, label);
  }

  /** Begins to allocate what a weight lies in. @throws AppError `engine.out-of-memory` where that is known at once. */
  prepare(name: string): void {
    for (const flat of this.layout.flatsOf(name)) this.#begin(flat);
  }

  /** What `prepare` began for a weight. @throws AppError `engine.out-of-memory`. */
  async prepared(name: string): Promise<void> {
    for (const flat of this.layout.flatsOf(name)) await this.#begin(flat).settled;
  }

  /** Allocates what nobody has asked for yet. @throws AppError `engine.out-of-memory`; the caller disposes. */
  async complete(): Promise<void> {
    for (const flat of this.layout.flats.keys()) await this.#begin(flat).settled;
  }

  /** The whole flat arrays, in order. */
  get flats(): BufferRange[] {
    return this.#all.map((buffer) => ({ buffer, offset: 0, bytes: buffer.size }));
  }

  /** @param array of the layout, or the scales of one. */
  rangeOf(array: Value): BufferRange {
    const { flat, offset } = this.layout.placeOf(array);
    return { buffer: this.#buffer(flat), offset, bytes: array.bytes };
  }

  /**
   * @param start elements of the member in front of the first of `data`: a matrix may come some rows at a time.
   * @param quantiser only for groups in few bits.
   */
  write(name: string, data: Float32Array, start = 0, quantiser: Quantiser | null = null): void {
    for (const range of this.layout.rangesOf(name, start, data.length)) {
      const part = data.subarray(range.from, range.from + range.count);
      const target = this.quantiserTarget(range);
      if (target === null) this.#memory.write(this.#floats(range), part);
      else if (quantiser !== null) quantiser.write(name, part, target);
      else throw new Error(`${name} is kept in ${target.bits} bits and is not quantised.`);
    }
  }

  /** Where a quantiser puts elements; null for what is kept in f32. */
  quantiserTarget({ piece, at }: PieceRange): QuantiserTarget | null {
    if (piece.form === null) return null;
    const { bits, scales } = piece.form;
    const words = this.rangeOf(piece.value);
    return { bits, words, scales: scales === null ? null : this.rangeOf(scales), offset: at };
  }

  /** @throws Error for a weight in few bits. */
  async read(name: string): Promise<Float32Array<ArrayBuffer>> {
    const count = elements(this.layout.members.get(name)?.shape ?? []);
    const ranges = this.layout.rangesOf(name, 0, count);
    if (ranges.some(({ piece }) => piece.form !== null)) throw new Error(`${name} is not kept in f32.`);
    const result = new Float32Array(count);
    for (const range of ranges) {
      result.set(new Float32Array(await this.#memory.read(this.#floats(range))), range.from);
    }
    return result;
  }

  /** Copies all of another store of the same layout. */
  copyFrom(other: WeightStore): void {
    const encoder = this.#memory.device.createCommandEncoder();
    this.#all.forEach((buffer, index) => {
      encoder.copyBufferToBuffer(other.#all[index] as GPUBuffer, 0, buffer, 0, buffer.size);
    });
    this.#memory.device.queue.submit([encoder.finish()]);
  }

  clear(): void {
    const encoder = this.#memory.device.createCommandEncoder();
    for (const buffer of this.#all) encoder.clearBuffer(buffer);
    this.#memory.device.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    for (const { buffer } of this.#buffers.values()) this.#memory.free(buffer);
    this.#buffers.clear();
  }

  get #all(): GPUBuffer[] {
    return this.layout.flats.map((_, flat) => this.#buffer(flat));
  }

  #buffer(flat: number): GPUBuffer {
    const started = this.#buffers.get(flat);
    if (started === undefined) throw new Error(`Flat array ${flat} of ${this.#label} has no memory yet.`);
    return started.buffer;
  }

  #begin(flat: number): StartedBuffer {
    const known = this.#buffers.get(flat);
    if (known !== undefined) return known;
    const started = this.#memory.begin(this.layout.flats[flat] ?? 0, this.#label);
    this.#buffers.set(flat, started);
    return started;
  }

  /** Of elements in f32; they may begin anywhere within their array. */
  #floats({ piece, at, count }: PieceRange): BufferRange {
    const { buffer, offset } = this.rangeOf(piece.value);
    return { buffer, offset: offset + at * FLOAT_BYTES, bytes: count * FLOAT_BYTES };
  }
}
