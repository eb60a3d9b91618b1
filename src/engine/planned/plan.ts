// A recording made ready to run: pipelines and bind groups exist, temporary arrays have their place in the arena. A
// replay encodes and submits; it allocates nothing, compiles nothing and waits for nothing. Owns its arena.
import { layoutArena } from './arena';
import { GpuMemory, type BufferRange } from './gpu-memory';
import type { Kernel } from './kernel';
import { Pipelines } from './pipelines';
import { ALIGNMENT, type Dispatch, type Recording, type Value } from './recorder';

/** What all plans of a device share. */
export class PlanDevice {
  readonly device: GPUDevice;
  readonly memory: GpuMemory;
  readonly pipelines: Pipelines;
  /** Floating-point operations of one submit: about a tenth of a second. Follows what the device was seen to do. */
  flopsPerSubmit = 5e8;

  constructor(device: GPUDevice) {
    this.device = device;
    this.memory = new GpuMemory(device);
    this.pipelines = new Pipelines(device);
  }

  /** Largest piece of the arena: everything in it can be bound. */
  get slabBytes(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    return Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / ALIGNMENT) * ALIGNMENT;
  }

  observe(flops: number, milliseconds: number): void {
    const perSubmit = (100 * flops) / Math.max(milliseconds, 0.1);
    this.flopsPerSubmit = Math.min(1e12, Math.max(1e7, 0.5 * (this.flopsPerSubmit + perSubmit)));
  }

  dispose(): void {
    this.memory.dispose();
  }
}

interface Command {
  pipeline: GPUComputePipeline;
  bindings: GPUBindGroup;
  workgroups: Kernel['workgroups'];
  flops: number;
  chunk: number | null;
}

export class Plan {
  readonly #owner: PlanDevice;
  readonly #slabs: readonly GPUBuffer[];
  readonly #commands: readonly Command[];
  readonly arenaBytes: number;

  private constructor(
    owner: PlanDevice,
    slabs: readonly GPUBuffer[],
    commands: readonly Command[],
    arenaBytes: number,
  ) {
    this.#owner = owner;
    this.#slabs = slabs;
    this.#commands = commands;
    this.arenaBytes = arenaBytes;
  }

  get dispatches(): number {
    return this.#commands.length;
  }

  /**
   * @param rangeOf where an external value lives.
   * @throws AppError `engine.out-of-memory` or `engine.kernel-failed`; nothing stays allocated then.
   */
  static async compile(
    owner: PlanDevice,
    recording: Recording,
    rangeOf: (value: Value) => BufferRange,
  ): Promise<Plan> {
    const layout = layoutArena(recording, owner.slabBytes);
    const slabs: GPUBuffer[] = [];
    try {
      for (const bytes of layout.slabs) slabs.push(await owner.memory.allocate(bytes, 'the plan’s arena'));
      const place = (value: Value): BufferRange => {
        if (value.external) return rangeOf(value);
        const { slab, offset } = layout.places.get(value) as { slab: number; offset: number };
        return { buffer: slabs[slab] as GPUBuffer, offset, bytes: value.bytes };
      };
      const commands = await Promise.all(
        recording.dispatches.map((dispatch) =>
          command(owner.pipelines, dispatch, dispatch.values.map(place)),
        ),
      );
      return new Plan(owner, slabs, commands, layout.bytes);
    } catch (error) {
      for (const slab of slabs) owner.memory.free(slab);
      throw error;
    }
  }

  /** Submits everything, in pieces that a browser does not kill. @param chunks how many of the numbered chunks run. */
  run(chunks = Infinity): void {
    const { device } = this.#owner;
    const started = performance.now();
    let flops = 0;
    let submitted = 0;
    let encoder = device.createCommandEncoder();
    let pass = encoder.beginComputePass();
    for (const next of this.#commands) {
      if (next.chunk !== null && next.chunk >= chunks) continue;
      if (flops > 0 && flops + next.flops > this.#owner.flopsPerSubmit) {
        pass.end();
        device.queue.submit([encoder.finish()]);
        submitted += flops;
        flops = 0;
        encoder = device.createCommandEncoder();
        pass = encoder.beginComputePass();
      }
      pass.setPipeline(next.pipeline);
      pass.setBindGroup(0, next.bindings);
      pass.dispatchWorkgroups(...next.workgroups);
      flops += next.flops;
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    const total = submitted + flops;
    void device.queue
      .onSubmittedWorkDone()
      .then(() => this.#owner.observe(total, performance.now() - started))
      // A lost device tells of itself elsewhere.
      .catch(() => undefined);
  }

  dispose(): void {
    for (const slab of this.#slabs) this.#owner.memory.free(slab);
  }
}

/**
 * A buffer that one binding writes must be declared writable by all bindings of the dispatch that share it: WebGPU
 * allows no reading next to writing of one buffer, even of other bytes.
 */
async function command(
  pipelines: Pipelines,
  { kernel, chunk }: Dispatch,
  ranges: readonly BufferRange[],
): Promise<Command> {
  const written = new Set(
    ranges.filter((_, index) => kernel.bindings[index]?.writes).map(({ buffer }) => buffer),
  );
  const readOnly = ranges.map(({ buffer }) => !written.has(buffer));
  const pipeline = await pipelines.get(kernel, readOnly);
  const bindings = pipelines.device.createBindGroup({
    label: kernel.name,
    layout: pipelines.layout(readOnly),
    entries: ranges.map(({ buffer, offset, bytes }, binding) => ({
      binding,
      // A size that is a multiple of 16, as arrays of vectors need it; places are aligned to more than that.
      resource: { buffer, offset, size: Math.min(Math.ceil(bytes / 16) * 16, buffer.size - offset) },
    })),
  });
  return { pipeline, bindings, workgroups: kernel.workgroups, flops: kernel.flops, chunk };
}
