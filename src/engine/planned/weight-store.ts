// Weights on the GPU by name, as a layout places them: the weights themselves, their gradients, or a moment of the
// optimizer. Rows of groups in few bits are quantised on their way in. Owns its buffers.
import type { BufferRange, GpuMemory } from './gpu-memory';
import type { Quantiser } from './quantiser';
import { elements, type Value } from './recorder';
import type { PieceRange, WeightLayout } from './weight-layout';

const FLOAT_BYTES = 4;

/** One set of flat arrays in a layout. */
export class WeightStore {
  readonly layout: WeightLayout;
  readonly #memory: GpuMemory;
  readonly #buffers: readonly GPUBuffer[];

  private constructor(layout: WeightLayout, memory: GpuMemory, buffers: readonly GPUBuffer[]) {
    this.layout = layout;
    this.#memory = memory;
    this.#buffers = buffers;
  }

  /** Zeroed. @throws AppError `engine.out-of-memory`; nothing stays allocated then. */
  static async allocate(layout: WeightLayout, memory: GpuMemory, label: string): Promise<WeightStore> {
    const buffers: GPUBuffer[] = [];
    try {
      for (const bytes of layout.flats) buffers.push(await memory.allocate(bytes, label));
    } catch (error) {
      for (const buffer of buffers) memory.free(buffer);
      throw error;
    }
    return new WeightStore(layout, memory, buffers);
  }

  /** The whole flat arrays, in order. */
  get flats(): BufferRange[] {
    return this.#buffers.map((buffer) => ({ buffer, offset: 0, bytes: buffer.size }));
  }

  /** @param array of the layout, or the scales of one. */
  rangeOf(array: Value): BufferRange {
    const { flat, offset } = this.layout.placeOf(array);
    return { buffer: this.#buffers[flat] as GPUBuffer, offset, bytes: array.bytes };
  }

  /**
   * @param start elements of the member in front of the first of `data`: a matrix may come some rows at a time.
   * @param quantiser only for groups in few bits.
   */
  write(name: string, data: Float32Array, start = 0, quantiser: Quantiser | null = null): void {
    for (const range of this.layout.rangesOf(name, start, data.length)) {
      const { piece, from, at, count } = range;
      const part = data.subarray(from, from + count);
      if (piece.form === null) {
        this.#memory.write(this.#floats(range), part);
        continue;
      }
      const { bits, scales } = piece.form;
      if (quantiser === null) throw new Error(`${name} is kept in ${bits} bits and is not quantised.`);
      quantiser.write(name, part, {
        bits,
        words: this.rangeOf(piece.value),
        scales: scales === null ? null : this.rangeOf(scales),
        offset: at,
      });
    }
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
    this.#buffers.forEach((buffer, index) => {
      encoder.copyBufferToBuffer(other.#buffers[index] as GPUBuffer, 0, buffer, 0, buffer.size);
    });
    this.#memory.device.queue.submit([encoder.finish()]);
  }

  clear(): void {
    const encoder = this.#memory.device.createCommandEncoder();
    for (const buffer of this.#buffers) encoder.clearBuffer(buffer);
    this.#memory.device.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    for (const buffer of this.#buffers) this.#memory.free(buffer);
  }

  /** Of elements in f32; they may begin anywhere within their array. */
  #floats({ piece, at, count }: PieceRange): BufferRange {
    const { buffer, offset } = this.rangeOf(piece.value);
    return { buffer, offset: offset + at * FLOAT_BYTES, bytes: count * FLOAT_BYTES };
  }
}
