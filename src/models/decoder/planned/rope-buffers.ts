// Cosines and sines of all positions up to a length, on the GPU.
import {
  externalValue,
  type BufferRange,
  type PlanDevice,
  type RopeTables,
  type Value,
} from '../../../engine/planned';
import { inverseFrequencies, rotatesLocally, traitsOf, type DecoderConfig } from '../decoder-config';

/** Tables for the layers that rotate by them. */
export interface LayerTables {
  all: RopeTables;
  /** null where all layers rotate alike. */
  local: RopeTables | null;
}

export const tablesOf = (config: DecoderConfig, tables: LayerTables, layer: number): RopeTables =>
  (rotatesLocally(config, layer) ? tables.local : null) ?? tables.all;

const tableValues = (name: string, positions: number, headSize: number): RopeTables => ({
  cosine: externalValue(`${name}cosine`, [positions, headSize / 2]),
  sine: externalValue(`${name}sine`, [positions, headSize / 2]),
});

export const ropeValues = (positions: number, config: DecoderConfig): LayerTables => ({
  all: tableValues('', positions, config.headSize),
  local: traitsOf(config).localRopeTheta === null ? null : tableValues('local ', positions, config.headSize),
});

export class RopeBuffers {
  readonly tables: LayerTables;
  readonly positions: number;
  readonly #owner: PlanDevice;
  readonly #ranges: ReadonlyMap<Value, BufferRange>;

  private constructor(
    owner: PlanDevice,
    tables: LayerTables,
    positions: number,
    ranges: ReadonlyMap<Value, BufferRange>,
  ) {
    this.#owner = owner;
    this.tables = tables;
    this.positions = positions;
    this.#ranges = ranges;
  }

  static async allocate(owner: PlanDevice, config: DecoderConfig, positions: number): Promise<RopeBuffers> {
    const tables = ropeValues(positions, config);
    const ranges = new Map<Value, BufferRange>();
    const write = async ({ cosine, sine }: RopeTables, frequencies: Float64Array): Promise<void> => {
      const angles = Float64Array.from(
        { length: positions * frequencies.length },
        (_, i) => Math.floor(i / frequencies.length) * (frequencies[i % frequencies.length] ?? 0),
      );
      for (const [value, turn] of [
        [cosine, Math.cos],
        [sine, Math.sin],
      ] as const) {
        const buffer = await owner.memory.allocate(value.bytes, value.name);
        const range = { buffer, offset: 0, bytes: value.bytes };
        owner.memory.write(range, Float32Array.from(angles, turn));
        ranges.set(value, range);
      }
    };
    await write(tables.all, inverseFrequencies(config));
    if (tables.local !== null) await write(tables.local, inverseFrequencies(config, true));
    return new RopeBuffers(owner, tables, positions, ranges);
  }

  rangeOf(value: Value): BufferRange | null {
    return this.#ranges.get(value) ?? null;
  }

  dispose(): void {
    for (const { buffer } of this.#ranges.values()) this.#owner.memory.free(buffer);
  }
}
