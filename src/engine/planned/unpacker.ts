// Unpacks on the device what lies in weights files: bytes of a stretch of a file go to one staging buffer, and what is in
// them from there to where it belongs, as f32. Owns the staging buffer; needed only while weights are written.
import type { GgufType } from '../../lib/formats/gguf/gguf-types';
import type { BufferRange, GpuMemory } from './gpu-memory';
import { UNPACK_WORKGROUP, unpackingOf, unpackKernel, unpackStep, type PackedType } from './kernels/unpack';
import type { PlanDevice } from './plan-device';

const PLACE_BYTES = 256;
/** Dispatches of one submit. */
const PLACES = 64;
/** What a kernel may read past the end: the words that it begins with. */
const MARGIN_BYTES = 64;
const READ_ONLY = [true, true, false];

export interface PackedRows {
  type: PackedType;
  /** Bytes of what is staged in front of it, an even number. */
  at: number;
  count: number;
  /** Elements of a row, and rows of a head that lie in GGUF's order; null where rows are in place. */
  heads: { width: number; size: number } | null;
}

export const unpackVariant = (type: PackedType): string => unpackKernel(type).name;

export class Unpacker {
  readonly #memory: GpuMemory;
  readonly #pipelines: ReadonlyMap<PackedType, GPUComputePipeline>;
  readonly #layout: GPUBindGroupLayout;
  readonly #staging: GPUBuffer;
  readonly #places: GPUBuffer;
  #waiting: { pipeline: GPUComputePipeline; group: GPUBindGroup; workgroups: number }[] = [];

  private constructor(
    { memory, pipelines }: PlanDevice,
    compiled: ReadonlyMap<PackedType, GPUComputePipeline>,
    staging: GPUBuffer,
    places: GPUBuffer,
  ) {
    this.#memory = memory;
    this.#pipelines = compiled;
    this.#layout = pipelines.layout(READ_ONLY);
    this.#staging = staging;
    this.#places = places;
  }

  /**
   * @param types that are to be unpacked. @param stagedBytes at most.
   * @throws AppError `engine.out-of-memory` or `engine.kernel-failed`; nothing stays allocated then.
   */
  static async open(owner: PlanDevice, types: Iterable<PackedType>, stagedBytes: number): Promise<Unpacker> {
    const { memory, pipelines } = owner;
    const compiled = new Map<PackedType, GPUComputePipeline>();
    for (const type of types) compiled.set(type, await pipelines.get(unpackKernel(type), READ_ONLY));
    const staging = await memory.allocate(stagedBytes + MARGIN_BYTES, 'rows to unpack');
    try {
      const places = await memory.allocate(PLACES * PLACE_BYTES, 'places of the rows to unpack');
      return new Unpacker(owner, compiled, staging, places);
    } catch (error) {
      memory.free(staging);
      throw error;
    }
  }

  /** Whether rows of that type can go to element `to` of a target. */
  takes(type: GgufType, to: number, heads: PackedRows['heads']): type is PackedType {
    if (type === 'F32' || !this.#pipelines.has(type)) return false;
    const isWhole = heads === null || heads.width % unpackingOf(type).blockSize === 0;
    return isWhole && to % unpackStep(type) === 0;
  }

  /** What `unpack` reads from now on. @param bytes no more than were asked for. */
  stage(bytes: ArrayBuffer): void {
    this.flush();
    const whole = bytes.byteLength & ~3;
    const { queue } = this.#memory.device;
    if (whole > 0) queue.writeBuffer(this.#staging, 0, bytes, 0, whole);
    if (whole === bytes.byteLength) return;
    const rest = new Uint8Array(4);
    rest.set(new Uint8Array(bytes, whole));
    queue.writeBuffer(this.#staging, whole, rest);
  }

  /** @param target an array from its beginning. @param to its first element that is written. Runs with the next `flush`. */
  unpack({ type, at, count, heads }: PackedRows, target: BufferRange, to: number): void {
    const pipeline = this.#pipelines.get(type);
    if (pipeline === undefined || at % 2 !== 0)
      throw new RangeError(`${type} at byte ${at} cannot be unpacked.`);
    if (this.#waiting.length === PLACES) this.flush();
    const { blockSize, pieces } = unpackingOf(type);
    const blocks = Math.ceil(count / blockSize);
    const perRow = heads === null ? 1 : heads.width / blockSize;
    const place = { buffer: this.#places, offset: this.#waiting.length * PLACE_BYTES, bytes: PLACE_BYTES };
    this.#memory.write(place, Uint32Array.of(blocks, at, to, perRow, heads?.size ?? 0, count));
    const ranges = [{ buffer: this.#staging, offset: 0, bytes: this.#staging.size }, place, target];
    const group = this.#memory.device.createBindGroup({
      layout: this.#layout,
      entries: ranges.map(({ buffer, offset, bytes }, binding) => ({
        binding,
        resource: { buffer, offset, size: bytes },
      })),
    });
    this.#waiting.push({ pipeline, group, workgroups: Math.ceil((blocks * pieces) / UNPACK_WORKGROUP) });
  }

  /** Submits what waits. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const { device } = this.#memory;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (const { pipeline, group, workgroups } of this.#waiting) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(workgroups);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    this.#waiting = [];
  }

  dispose(): void {
    for (const buffer of [this.#staging, this.#places]) this.#memory.free(buffer);
  }
}
