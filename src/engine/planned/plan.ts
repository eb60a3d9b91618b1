// A recording made ready to run: kernels are compiled and everything is bound. A replay encodes and submits; it allocates
// nothing, compiles nothing and waits for nothing.
import { layoutArena, type ArenaLayout } from './arena';
import type { BufferRange } from './gpu-memory';
import type { Kernel } from './kernel';
import type { PlanDevice } from './plan-device';
import { ALIGNMENT, aligned, type Dispatch, type Recording, type Value } from './recorder';

/** A dispatch with the places of its arrays; slabs of the arena by number. */
interface Command {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
  places: readonly Place[];
  kernel: Kernel;
  chunk: number | null;
}

interface Place {
  /** A buffer that stays, or the number of an arena's slab. */
  in: GPUBuffer | number;
  offset: number;
  bytes: number;
}

export class Plan {
  readonly #owner: PlanDevice;
  readonly #commands: readonly Command[];
  readonly #constants: GPUBuffer | null;
  #groups: GPUBindGroup[] = [];
  #generation = -1;
  /** What its temporary arrays take. */
  readonly arenaBytes: number;

  private constructor(
    owner: PlanDevice,
    commands: readonly Command[],
    constants: GPUBuffer | null,
    arenaBytes: number,
  ) {
    this.#owner = owner;
    this.#commands = commands;
    this.#constants = constants;
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
    await owner.arena.reserve(layout.slabs);
    const constants = await writeConstants(owner, recording);
    try {
      const place = (value: Value): Place => {
        if (value.constant) return { in: constants.buffer as GPUBuffer, ...constants.at(value) };
        return value.external ? outside(rangeOf(value)) : inArena(layout, value);
      };
      const commands = await Promise.all(
        recording.dispatches.map((dispatch) => command(owner, dispatch, dispatch.values.map(place))),
      );
      return new Plan(owner, commands, constants.buffer, layout.bytes);
    } catch (error) {
      if (constants.buffer !== null) owner.memory.free(constants.buffer);
      throw error;
    }
  }

  /** Submits everything, in pieces that a browser does not kill. @param chunks how many of the numbered chunks run. */
  run(chunks = Infinity): void {
    const { device } = this.#owner;
    if (this.#generation !== this.#owner.arena.generation) this.#bind();
    const started = performance.now();
    let [flops, total] = [0, 0];
    let encoder = device.createCommandEncoder();
    let pass = encoder.beginComputePass();
    const submit = (): void => {
      pass.end();
      device.queue.submit([encoder.finish()]);
      total += flops;
      flops = 0;
    };
    this.#commands.forEach(({ pipeline, kernel, chunk }, index) => {
      if (chunk !== null && chunk >= chunks) return;
      if (flops > 0 && flops + kernel.flops > this.#owner.flopsPerSubmit) {
        submit();
        encoder = device.createCommandEncoder();
        pass = encoder.beginComputePass();
      }
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, this.#groups[index]);
      pass.dispatchWorkgroups(...kernel.workgroups);
      flops += kernel.flops;
    });
    submit();
    void device.queue
      .onSubmittedWorkDone()
      .then(() => this.#owner.observe(total, performance.now() - started))
      // A lost device tells of itself elsewhere.
      .catch(() => undefined);
  }

  dispose(): void {
    if (this.#constants !== null) this.#owner.memory.free(this.#constants);
    this.#groups = [];
  }

  #bind(): void {
    const { device, arena } = this.#owner;
    const bufferOf = (at: Place['in']): GPUBuffer =>
      typeof at === 'number' ? (arena.slabs[at] as GPUBuffer) : at;
    this.#groups = this.#commands.map(({ kernel, layout, places }) =>
      device.createBindGroup({
        label: kernel.name,
        layout,
        entries: places.map((place, binding) => ({ binding, resource: resource(bufferOf(place.in), place) })),
      }),
    );
    this.#generation = arena.generation;
  }
}

/** Arrays of vectors need a size that is a multiple of 16; places are aligned to more than that. */
function resource(buffer: GPUBuffer, { offset, bytes }: Place): GPUBufferBinding {
  return { buffer, offset, size: Math.min(Math.ceil(bytes / 16) * 16, buffer.size - offset) };
}

const outside = ({ buffer, offset, bytes }: BufferRange): Place => ({ in: buffer, offset, bytes });

function inArena({ places }: ArenaLayout, value: Value): Place {
  const place = places.get(value);
  if (place === undefined) throw new Error(`${value.name} has no place.`);
  return { in: place.slab, offset: place.offset, bytes: value.bytes };
}

async function writeConstants({ memory }: PlanDevice, { constants }: Recording) {
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
  const at = (value: Value) => ({ offset: offsets.get(value) ?? 0, bytes: value.bytes });
  return { buffer, at };
}

/**
 * A buffer that one binding writes must be declared writable by all bindings of the dispatch that share it: WebGPU
 * allows no reading next to writing of one buffer, even of other bytes.
 */
async function command(
  { pipelines }: PlanDevice,
  { kernel, chunk }: Dispatch,
  places: readonly Place[],
): Promise<Command> {
  const written = new Set(
    places.filter((_, index) => kernel.bindings[index]?.writes).map((place) => place.in),
  );
  const readOnly = places.map((place) => !written.has(place.in));
  const pipeline = await pipelines.get(kernel, readOnly);
  return { pipeline, layout: pipelines.layout(readOnly), places, kernel, chunk };
}
