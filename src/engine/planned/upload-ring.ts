// Floats on their way to the device through a few buffers that are mapped in turn: what fills one writes where the device
// copies from, and waits while all of them are on their way. Owns the buffers.
import type { GpuMemory } from './gpu-memory';
import type { WeightStore } from './weight-store';

/** Floats of a buffer: 4 MiB. */
export const UPLOAD_ELEMENTS = 2 ** 20;
const BUFFERS = 4;

interface Slot {
  buffer: GPUBuffer;
  /** Once the device has copied what it held. */
  mapped: Promise<undefined>;
}

export class UploadRing {
  readonly #memory: GpuMemory;
  readonly #slots: Slot[];
  #next = 0;

  private constructor(memory: GpuMemory, slots: Slot[]) {
    this.#memory = memory;
    this.#slots = slots;
  }

  /** @throws AppError `engine.out-of-memory` beyond the budget; nothing stays allocated then. */
  static open(memory: GpuMemory): UploadRing {
    memory.require(BUFFERS * UPLOAD_ELEMENTS * 4, 'weights on their way');
    const slots = Array.from({ length: BUFFERS }, () => ({
      buffer: memory.mapped(UPLOAD_ELEMENTS * 4, 'weights on their way'),
      mapped: Promise.resolve(undefined),
    }));
    return new UploadRing(memory, slots);
  }

  /**
   * Elements of a weight in f32, at most `UPLOAD_ELEMENTS`.
   * @param start elements of the weight in front of them. @param fill is given memory for `count` floats, not cleared.
   */
  async write(
    store: WeightStore,
    name: string,
    { start, count }: { start: number; count: number },
    fill: (into: Float32Array<ArrayBuffer>) => void,
  ): Promise<void> {
    const slot = this.#slots[this.#next] as Slot;
    this.#next = (this.#next + 1) % this.#slots.length;
    await slot.mapped;
    const { device } = this.#memory;
    fill(new Float32Array(slot.buffer.getMappedRange(), 0, count));
    slot.buffer.unmap();
    const encoder = device.createCommandEncoder();
    store.encodeCopy(encoder, name, slot.buffer, start, count);
    device.queue.submit([encoder.finish()]);
    slot.mapped = slot.buffer.mapAsync(GPUMapMode.WRITE);
    // Whoever awaits it hears of a failure; a ring that is disposed of ends it on purpose.
    slot.mapped.catch(() => undefined);
  }

  dispose(): void {
    for (const { buffer } of this.#slots) this.#memory.free(buffer);
  }
}
