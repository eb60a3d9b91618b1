// Cosines and sines of all positions up to a length, on the GPU.
import {
  externalValue,
  type BufferRange,
  type PlanDevice,
  type RopeTables,
  type Value,
} from '../../../engine/planned';
import { inverseFrequencies, type DecoderConfig } from '../decoder-config';

export const ropeValues = (positions: number, headSize: number): RopeTables => ({
  cosine: externalValue('cosine', [positions, headSize / 2]),
  sine: externalValue('sine', [positions, headSize / 2]),
});

export class RopeBuffers {
  readonly tables: RopeTables;
  readonly positions: number;
  readonly #owner: PlanDevice;
  readonly #ranges: ReadonlyMap<Value, BufferRange>;

  private constructor(
    owner: PlanDevice,
    tables: RopeTables,
    positions: number,
    ranges: ReadonlyMap<Value, BufferRange>,
  ) {
    this.#owner = owner;
    this.tables = tables;
    this.positions = positions;
    this.#ranges = ranges;
  }

  static async allocate(owner: PlanDevice, config: DecoderConfig, positions: number): Promise<RopeBuffers> {
    const tables = ropeValues(positions, config.headSize);
    const frequencies = inverseFrequencies(config);
    const angles = Float64Array.from(
      { length: positions * frequencies.length },
      (_, i) => Math.floor(i / frequencies.length) * (frequencies[i % frequencies.length] ?? 0),
    );
    const ranges = new Map<Value, BufferRange>();
    for (const [value, turn] of [
      [tables.cosine, Math.cos],
      [tables.sine, Math.sin],
    ] as const) {
      const range = {
        buffer: await owner.memory.allocate(value.bytes, value.name),
        offset: 0,
        bytes: value.bytes,
      };
      owner.memory.write(range, Float32Array.from(angles, turn));
      ranges.set(value, range);
    }
    return new RopeBuffers(owner, tables, positions, ranges);
  }

  rangeOf(value: Value): BufferRange | null {
    return this.#ranges.get(value) ?? null;
  }

  dispose(): void {
    for (const { buffer } of this.#ranges.values()) this.#owner.memory.free(buffer);
  }
}
