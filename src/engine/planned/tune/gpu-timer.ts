// How long submitted work takes: by the GPU's own clock where the device has it, else until the queue tells that it is
// done. Owns a query set and two small buffers.
const STAMPS_BYTES = 16;

interface Clock {
  stamps: GPUQuerySet;
  resolved: GPUBuffer;
  staging: GPUBuffer;
}

export class GpuTimer {
  readonly #device: GPUDevice;
  readonly #clock: Clock | null;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#clock = device.features.has('timestamp-query') ? makeClock(device) : null;
  }

  /** Milliseconds of what `submit` puts into the queue, which is empty before. */
  async measure(submit: () => void): Promise<number> {
    await this.#device.queue.onSubmittedWorkDone();
    const started = performance.now();
    if (this.#clock !== null) this.#stamp(this.#clock, 0);
    submit();
    if (this.#clock !== null) this.#stamp(this.#clock, 1);
    await this.#device.queue.onSubmittedWorkDone();
    const wall = performance.now() - started;
    const ticked = this.#clock === null ? 0 : await this.#elapsed(this.#clock);
    // Some drivers do not stamp a pass in which nothing runs.
    return ticked > 0 && ticked <= wall ? ticked : wall;
  }

  dispose(): void {
    this.#clock?.stamps.destroy();
    this.#clock?.resolved.destroy();
    this.#clock?.staging.destroy();
  }

  #stamp({ stamps }: Clock, index: number): void {
    const encoder = this.#device.createCommandEncoder();
    encoder
      .beginComputePass({ timestampWrites: { querySet: stamps, beginningOfPassWriteIndex: index } })
      .end();
    this.#device.queue.submit([encoder.finish()]);
  }

  async #elapsed({ stamps, resolved, staging }: Clock): Promise<number> {
    const encoder = this.#device.createCommandEncoder();
    encoder.resolveQuerySet(stamps, 0, 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, STAMPS_BYTES);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const [from = 0n, to = 0n] = new BigUint64Array(staging.getMappedRange());
    staging.unmap();
    return Number(to - from) / 1e6;
  }
}

function makeClock(device: GPUDevice): Clock {
  return {
    stamps: device.createQuerySet({ type: 'timestamp', count: 2 }),
    resolved: device.createBuffer({
      size: STAMPS_BYTES,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    }),
    staging: device.createBuffer({
      size: STAMPS_BYTES,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    }),
  };
}
