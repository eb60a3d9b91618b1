// Weights on the GPU by name. Weights that one product reads together lie below each other in one array (a group), so
// each keeps its name and the product sees one matrix. Owns its buffers.
import type { BufferRange, GpuMemory } from './gpu-memory';
import { aligned, elements, externalValue, type Value } from './recorder';

export interface WeightGroup {
  /** Names with their shapes, in order. */
  members: ReadonlyMap<string, readonly number[]>;
  /** Shape of the group as one array. */
  shape: readonly number[];
}

export interface MemberPlace {
  group: Value;
  shape: readonly number[];
  /** Bytes from the group's start. */
  offset: number;
}

const FLOAT_BYTES = 4;

/** Where groups and their members lie in flat arrays of at most `limitBytes`. Pure. */
export class WeightLayout {
  readonly groups = new Map<string, Value>();
  readonly members = new Map<string, MemberPlace>();
  readonly #flats: { bytes: number; groups: { value: Value; offset: number }[] }[] = [];
  readonly #flatOf = new Map<Value, { flat: number; offset: number }>();

  /** @param learns whether gradients by these weights are of use. */
  constructor(groups: ReadonlyMap<string, WeightGroup>, limitBytes: number, learns: boolean) {
    for (const [key, { members, shape }] of groups) {
      const value = externalValue(key, shape, { learns });
      this.groups.set(key, value);
      let offset = 0;
      for (const [name, memberShape] of members) {
        this.members.set(name, { group: value, shape: memberShape, offset });
        offset += elements(memberShape) * FLOAT_BYTES;
      }
      this.#place(value, limitBytes);
    }
  }

  /** Bytes of each flat array. */
  get flats(): number[] {
    return this.#flats.map(({ bytes }) => bytes);
  }

  get bytes(): number {
    return this.flats.reduce((sum, bytes) => sum + bytes, 0);
  }

  placeOf(group: Value): { flat: number; offset: number } {
    const place = this.#flatOf.get(group);
    if (place === undefined) throw new Error(`${group.name} is not of this layout.`);
    return place;
  }

  #place(value: Value, limitBytes: number): void {
    let flat = this.#flats.at(-1);
    if (flat === undefined || flat.bytes + aligned(value.bytes) > limitBytes) {
      flat = { bytes: 0, groups: [] };
      this.#flats.push(flat);
    }
    this.#flatOf.set(value, { flat: this.#flats.length - 1, offset: flat.bytes });
    flat.groups.push({ value, offset: flat.bytes });
    flat.bytes += aligned(value.bytes);
  }
}

/** One set of flat arrays in a layout: the weights, their gradients, or a moment of the optimizer. */
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

  rangeOf(group: Value): BufferRange {
    const { flat, offset } = this.layout.placeOf(group);
    return { buffer: this.#buffers[flat] as GPUBuffer, offset, bytes: group.bytes };
  }

  write(name: string, data: Float32Array): void {
    this.#memory.write(this.#memberRange(name), data);
  }

  async read(name: string): Promise<Float32Array<ArrayBuffer>> {
    return new Float32Array(await this.#memory.read(this.#memberRange(name)));
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

  /** A member may begin anywhere within its group. */
  #memberRange(name: string): BufferRange {
    const member = this.layout.members.get(name);
    if (member === undefined) throw new Error(`There is no weight ${name}.`);
    const { buffer, offset } = this.rangeOf(member.group);
    return { buffer, offset: offset + member.offset, bytes: elements(member.shape) * FLOAT_BYTES };
  }
}
