// Buffers of the planned engine, and their way in and out. Whoever allocates destroys. An allocation that does not fit
// is an error that names what did not fit, not a lost device.
import { AppError } from '../../lib/errors';

/** A piece of a buffer. */
export interface BufferRange {
  buffer: GPUBuffer;
  /** Bytes, a multiple of 256. */
  offset: number;
  bytes: number;
}

export interface StartedBuffer {
  buffer: GPUBuffer;
  /** @throws AppError `engine.out-of-memory`. */
  settled: Promise<void>;
}

export class GpuMemory {
  readonly device: GPUDevice;
  /** Buffers take no more than this together, even where the device would allow it. */
  budgetBytes = Infinity;
  #bytes = 0;
  #peakBytes = 0;
  readonly #living = new Set<GPUBuffer>();
  /** Staging buffers by size, mapped by nobody. */
  readonly #staging = new Map<number, GPUBuffer[]>();

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** Bytes of living buffers, staging included. */
  get bytes(): number {
    return this.#bytes;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Zeroed. @throws AppError `engine.out-of-memory` naming `label`, its size and how much of it is too much. */
  async allocate(bytes: number, label: string): Promise<GPUBuffer> {
    const { buffer, settled } = this.begin(bytes, label);
    await settled;
    return buffer;
  }

  /**
   * As `allocate`, without waiting: what is written to the buffer takes its turn behind the allocation.
   * @returns a buffer that is of use once `settled`; where that fails the buffer is gone.
   * @throws AppError `engine.out-of-memory` at once where it is beyond what there may be.
   */
  begin(bytes: number, label: string): StartedBuffer {
    this.require(bytes, label, this.device.limits.maxBufferSize);
    this.device.pushErrorScope('out-of-memory');
    const buffer = this.device.createBuffer({
      label,
      size: Math.max(256, Math.ceil(bytes / 4) * 4),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.#living.add(buffer);
    this.#count(buffer.size);
    const settled = this.device.popErrorScope().then((error) => {
      if (error === null) return;
      this.free(buffer);
      throw outOfMemory(label, bytes, this.#bytes, null);
    });
    // Whoever awaits it hears of a failure; before that nobody listens.
    settled.catch(() => undefined);
    return { buffer, settled };
  }

  /** @throws AppError `engine.out-of-memory` where so much is more than what is left of the budget. */
  require(bytes: number, label: string, mostBytes = Infinity): void {
    const left = Math.min(mostBytes, this.budgetBytes - this.#bytes);
    if (bytes > left) throw outOfMemory(label, bytes, this.#bytes, Math.max(0, left));
  }

  /** Of no effect on a buffer that was freed before, or that could not be allocated. */
  free(buffer: GPUBuffer): void {
    if (!this.#living.delete(buffer)) return;
    this.#count(-buffer.size);
    buffer.destroy();
  }

  write({ buffer, offset }: BufferRange, data: Float32Array | Int32Array | Uint32Array): void {
    this.device.queue.writeBuffer(buffer, offset, data.buffer, data.byteOffset, data.byteLength);
  }

  /** The bytes as they are once everything submitted so far has run. */
  read(range: BufferRange): Promise<ArrayBuffer> {
    const encoder = this.device.createCommandEncoder();
    const bytes = this.encodeRead(encoder, range);
    this.device.queue.submit([encoder.finish()]);
    return bytes();
  }

  /** Reads at the end of what `encoder` holds. @returns gives the bytes; to be called once the encoder is submitted. */
  encodeRead(encoder: GPUCommandEncoder, { buffer, offset, bytes }: BufferRange): () => Promise<ArrayBuffer> {
    const staging = this.#takeStaging(bytes);
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes);
    return async () => {
      await staging.mapAsync(GPUMapMode.READ, 0, bytes);
      const copy = staging.getMappedRange(0, bytes).slice(0);
      staging.unmap();
      this.#staging.get(staging.size)?.push(staging);
      return copy;
    };
  }

  dispose(): void {
    for (const buffers of this.#staging.values()) for (const buffer of buffers) this.free(buffer);
    this.#staging.clear();
  }

  #takeStaging(bytes: number): GPUBuffer {
    const size = 2 ** Math.ceil(Math.log2(Math.max(256, bytes)));
    const free = this.#staging.get(size) ?? [];
    this.#staging.set(size, free);
    const known = free.pop();
    if (known !== undefined) return known;
    this.#count(size);
    const staging = this.device.createBuffer({
      label: 'read-back',
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    this.#living.add(staging);
    return staging;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#bytes);
  }
}

/** @param leftBytes what there was room for; null where the device did not tell. */
function outOfMemory(
  label: string,
  bytes: number,
  usedBytes: number,
  leftBytes: number | null,
): AppError<'engine.out-of-memory'> {
  const overBytes = leftBytes === null ? null : bytes - leftBytes;
  const over = overBytes === null ? '' : `, ${overBytes} too many`;
  const fact = `The GPU has no room for ${label}: ${bytes} bytes${over}, beside ${usedBytes} in use.`;
  return new AppError('engine.out-of-memory', fact, {
    details: { label, bytes, usedBytes, overBytes },
    remedy: 'Choose a smaller batch or a shorter sequence, or close other tabs that use the GPU.',
  });
}
