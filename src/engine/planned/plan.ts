// A recording made ready to run: kernels are compiled and everything is bound. A replay encodes and submits; it allocates
// nothing, compiles nothing and waits for nothing.
import { layoutArena, type ArenaLayout } from './arena';
import type { BufferRange } from './gpu-memory';
import type { PlanDevice } from './plan-device';
import { ALIGNMENT, aligned, type Dispatch, type Recording, type Value } from './recorder';

/** A dispatch with its pipeline. */
interface Command extends Dispatch {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
}

/** A command with everything bound: what a replay encodes, in the order of its calls. */
interface BoundCommand {
  pipeline: GPUComputePipeline;
  group: GPUBindGroup;
  x: number;
  y: number;
  z: number;
  chunk: number | null;
  flops: number;
}

/** Where values are right now. Two values of the same memory have the same key. */
interface Placement {
  keyOf: (value: Value) => unknown;
  rangeOf: (value: Value) => BufferRange;
}

export class Plan {
  readonly #owner: PlanDevice;
  readonly #commands: readonly Command[];
  readonly #constants: GPUBuffer | null;
  readonly #placement: Placement;
  #bound: BoundCommand[] = [];
  #generation = -1;
  /** What its temporary arrays take. */
  readonly arenaBytes: number;

  private constructor(
    owner: PlanDevice,
    commands: readonly Command[],
    constants: GPUBuffer | null,
    placement: Placement,
    arenaBytes: number,
  ) {
    this.#owner = owner;
    this.#commands = commands;
    this.#constants = constants;
    this.#placement = placement;
    this.arenaBytes = arenaBytes;
  }

  get dispatches(): number {
    return this.#commands.length;
  }

  /**
   * @param rangeOf where an external value lives; asked again after `rebind`. Values that share a buffer keep sharing it.
   * @throws AppError `engine.out-of-memory` or `engine.kernel-failed`; nothing stays allocated then.
   */
  static async compile(
    owner: PlanDevice,
    recording: Recording,
    rangeOf: (value: Value) => BufferRange,
  ): Promise<Plan> {
    const layout = layoutArena(recording, owner.slabBytes);
    await owner.arena.reserve(layout.slabs);
    const constants = await writeConstants(owner, recording);
    try {
      const placement = placementOf(owner, layout, constants, rangeOf);
      const commands = await Promise.all(
        recording.dispatches.map((dispatch) => command(owner, dispatch, placement)),
      );
      return new Plan(owner, commands, constants.buffer, placement, layout.bytes);
    } catch (error) {
      if (constants.buffer !== null) owner.memory.free(constants.buffer);
      throw error;
    }
  }

  /** Submits everything, in pieces that a browser does not kill. @param chunks how many of the numbered chunks run. */
  run(chunks = Infinity): void {
    const started = performance.now();
    const flops = this.#submit(chunks);
    void this.#owner.device.queue
      .onSubmittedWorkDone()
      .then(() => this.#owner.observe(flops, performance.now() - started))
      // A lost device tells of itself elsewhere.
      .catch(() => undefined);
  }

  /** Like `run`, and reads `result` with the last submit. */
  async runAndRead(result: BufferRange, chunks = Infinity): Promise<ArrayBuffer> {
    const started = performance.now();
    let bytes = (): Promise<ArrayBuffer> => Promise.resolve(new ArrayBuffer(0));
    const flops = this.#submit(chunks, (encoder) => {
      bytes = this.#owner.memory.encodeRead(encoder, result);
    });
    const read = await bytes();
    this.#owner.observe(flops, performance.now() - started);
    return read;
  }

  /** @param finish encodes what comes after the last kernel. @returns floating-point operations. */
  #submit(chunks: number, finish?: (encoder: GPUCommandEncoder) => void): number {
    const { device, flopsPerSubmit } = this.#owner;
    if (this.#generation !== this.#owner.arena.generation) this.#bind();
    let [flops, total] = [0, 0];
    let encoder = device.createCommandEncoder();
    let pass = encoder.beginComputePass();
    let set: GPUComputePipeline | null = null;
    for (const { pipeline, group, x, y, z, chunk, flops: more } of this.#bound) {
      if (chunk !== null && chunk >= chunks) continue;
      if (flops > 0 && flops + more > flopsPerSubmit) {
        pass.end();
        device.queue.submit([encoder.finish()]);
        total += flops;
        flops = 0;
        encoder = device.createCommandEncoder();
        pass = encoder.beginComputePass();
        set = null;
      }
      if (pipeline !== set) pass.setPipeline(pipeline);
      set = pipeline;
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y, z);
      flops += more;
    }
    pass.end();
    finish?.(encoder);
    device.queue.submit([encoder.finish()]);
    return total + flops;
  }

  /** External values have moved: asks where they are before the next replay. */
  rebind(): void {
    this.#generation = -1;
  }

  dispose(): void {
    if (this.#constants !== null) this.#owner.memory.free(this.#constants);
    this.#bound = [];
  }

  #bind(): void {
    const { device, arena } = this.#owner;
    this.#bound = this.#commands.map(({ kernel, layout, values, pipeline, chunk }) => {
      const group = device.createBindGroup({
        label: kernel.name,
        layout,
        entries: values.map((value, binding) => ({
          binding,
          resource: resource(this.#placement.rangeOf(value)),
        })),
      });
      const [x, y, z] = kernel.workgroups;
      return { pipeline, group, x, y, z, chunk, flops: kernel.flops };
    });
    this.#generation = arena.generation;
  }
}

/** Arrays of vectors need a size that is a multiple of 16; places are aligned to more than that. */
function resource({ buffer, offset, bytes }: BufferRange): GPUBufferBinding {
  return { buffer, offset, size: Math.min(Math.ceil(bytes / 16) * 16, buffer.size - offset) };
}

function placementOf(
  { arena }: PlanDevice,
  { places }: ArenaLayout,
  constants: Constants,
  externalRangeOf: (value: Value) => BufferRange,
): Placement {
  const placeOf = (value: Value) => {
    const place = places.get(value);
    if (place === undefined) throw new Error(`${value.name} has no place.`);
    return place;
  };
  return {
    keyOf(value) {
      if (value.constant) return constants.buffer;
      return value.external ? externalRangeOf(value).buffer : placeOf(value).slab;
    },
    rangeOf(value) {
      if (value.constant) return constants.rangeOf(value);
      if (value.external) return externalRangeOf(value);
      const { slab, offset } = placeOf(value);
      return { buffer: arena.slabs[slab] as GPUBuffer, offset, bytes: value.bytes };
    },
  };
}

interface Constants {
  buffer: GPUBuffer | null;
  rangeOf(value: Value): BufferRange;
}

async function writeConstants({ memory }: PlanDevice, { constants }: Recording): Promise<Constants> {
  const offsets = new Map<Value, number>();
  let size = 0;
  for (const value of constants.keys()) {
    offsets.set(value, size);
    size += aligned(value.bytes);
  }
  const buffer = size === 0 ? null : await memory.allocate(Math.max(size, ALIGNMENT), 'constants of a plan');
  for (const [value, data] of constants) {
    if (buffer !== null) memory.write({ buffer, offset: offsets.get(value) ?? 0, bytes: value.bytes }, data);
  }
  const rangeOf = (value: Value): BufferRange => ({
    buffer: buffer as GPUBuffer,
    offset: offsets.get(value) ?? 0,
    bytes: value.bytes,
  });
  return { buffer, rangeOf };
}

/**
 * A buffer that one binding writes must be declared writable by all bindings of the dispatch that share it: WebGPU
 * allows no reading next to writing of one buffer, even of other bytes.
 */
async function command(
  { pipelines }: PlanDevice,
  dispatch: Dispatch,
  { keyOf }: Placement,
): Promise<Command> {
  const { kernel, values } = dispatch;
  const memory = values.map(keyOf);
  const written = new Set(memory.filter((_, index) => kernel.bindings[index]?.writes));
  const readOnly = memory.map((key) => !written.has(key));
  const pipeline = await pipelines.get(kernel, readOnly);
  return { ...dispatch, pipeline, layout: pipelines.layout(readOnly) };
}
