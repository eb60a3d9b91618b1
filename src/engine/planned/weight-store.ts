// Weights on the GPU by name. Weights that one product reads together lie below each other in one array (a group), so
// each keeps its name and the product sees one matrix. Frozen groups may be kept in few bits: rows are then quantised on
// their way in. Owns its buffers.
import type { BufferRange, GpuMemory } from './gpu-memory';
import { frozen, type Parameter, type QuantisedForm } from './parameter';
import {
  bitsOf,
  GROUP_SIZE,
  isQuantisable,
  quantisedBytes,
  type QuantisedBits,
  type Storage,
} from './quantise';
import type { Quantiser } from './quantiser';
import { aligned, elements, externalValue, type Value } from './recorder';

export interface WeightGroup {
  /** Names with their shapes, in order. */
  members: ReadonlyMap<string, readonly number[]>;
  /** Shape of the group as one array. */
  shape: readonly number[];
  /** `f32` where not given. */
  storage?: Storage;
}

export interface MemberPlace {
  group: Value;
  shape: readonly number[];
  /** Elements from the group's start. */
  start: number;
}

const FLOAT_BYTES = 4;

/** Where groups and their members lie in flat arrays of at most `limitBytes`. Pure. */
export class WeightLayout {
  readonly groups = new Map<string, Value>();
  readonly members = new Map<string, MemberPlace>();
  readonly #flats: { bytes: number; groups: { value: Value; offset: number }[] }[] = [];
  readonly #flatOf = new Map<Value, { flat: number; offset: number }>();
  readonly #quantised = new Map<Value, QuantisedForm>();

  /**
   * @param learns whether gradients by these weights are of use.
   * @throws RangeError for a group in few bits that learns or whose shape does not allow it.
   */
  constructor(groups: ReadonlyMap<string, WeightGroup>, limitBytes: number, learns: boolean) {
    for (const [key, { members, shape, storage = 'f32' }] of groups) {
      const value =
        storage === 'f32'
          ? externalValue(key, shape, { learns })
          : this.#quantisedValue(key, shape, bitsOf(storage), learns);
      this.groups.set(key, value);
      let start = 0;
      for (const [name, memberShape] of members) {
        this.members.set(name, { group: value, shape: memberShape, start });
        start += elements(memberShape);
      }
      this.#place(value, limitBytes);
      const scales = this.#quantised.get(value)?.scales;
      if (scales !== undefined) this.#place(scales, limitBytes);
    }
  }

  /** null for a group in f32. */
  quantised(group: Value): QuantisedForm | null {
    return this.#quantised.get(group) ?? null;
  }

  /** A group whose weights do not learn, as operations see it. @throws Error where there is no such group. */
  frozen(key: string): Parameter {
    const value = this.groups.get(key);
    if (value === undefined) throw new Error(`There is no group ${key}.`);
    return frozen(value, this.quantised(value));
  }

  /** Whether a value is a group or the scales of one. */
  has(value: Value): boolean {
    return this.#flatOf.has(value);
  }

  /** Number of weights. */
  get weights(): number {
    let count = 0;
    for (const { shape } of this.members.values()) count += elements(shape);
    return count;
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

  #quantisedValue(key: string, shape: readonly number[], bits: QuantisedBits, learns: boolean): Value {
    if (learns || !isQuantisable(shape)) {
      throw new RangeError(`${key} [${shape.join(', ')}] cannot be kept in ${bits} bits.`);
    }
    const bytes = quantisedBytes(shape, bits);
    const value = externalValue(key, shape, { bytes: bytes.words });
    const scalesShape = [shape[0] ?? 0, (shape[1] ?? 0) / GROUP_SIZE];
    this.#quantised.set(value, {
      bits,
      scales: externalValue(`scales of ${key}`, scalesShape, { bytes: bytes.scales }),
    });
    return value;
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

  /**
   * @param start elements of the member in front of the first of `data`: a matrix may come some rows at a time.
   * @param quantiser only for groups in few bits.
   */
  write(name: string, data: Float32Array, start = 0, quantiser: Quantiser | null = null): void {
    const member = this.#member(name);
    const form = this.layout.quantised(member.group);
    if (form === null) {
      const { buffer, offset } = this.#memberRange(member);
      this.#memory.write({ buffer, offset: offset + start * FLOAT_BYTES, bytes: data.byteLength }, data);
      return;
    }
    if (quantiser === null) throw new Error(`${name} is kept in ${form.bits} bits and is not quantised.`);
    const [words, scales] = [this.rangeOf(member.group), this.rangeOf(form.scales)];
    quantiser.write(name, data, { bits: form.bits, words, scales, offset: member.start + start });
  }

  /** @throws Error for a weight in few bits. */
  async read(name: string): Promise<Float32Array<ArrayBuffer>> {
    const member = this.#member(name);
    if (this.layout.quantised(member.group) !== null) throw new Error(`${name} is not kept in f32.`);
    return new Float32Array(await this.#memory.read(this.#memberRange(member)));
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

  #member(name: string): MemberPlace {
    const member = this.layout.members.get(name);
    if (member === undefined) throw new Error(`There is no weight ${name}.`);
    return member;
  }

  /** Of a member in f32; it may begin anywhere within its group. */
  #memberRange({ group, shape, start }: MemberPlace): BufferRange {
    const { buffer, offset } = this.rangeOf(group);
    return { buffer, offset: offset + start * FLOAT_BYTES, bytes: elements(shape) * FLOAT_BYTES };
  }
}
