// Lengths of the rows of a decoder's adapted weights, which DoRA divides by: one state of the adapter's weights, worked out
// on the GPU whenever these have changed. Owns the lengths and the plan that makes them.
import {
  adaptedNorms,
  aligned,
  compilePlan,
  externalValue,
  type Plan,
  type BufferRange,
  type LoraPath,
  type Parameter,
  type PlanDevice,
  type Recorder,
  type Recording,
  type Value,
  type WeightStore,
} from '../../../engine/planned';
import type { LoraConfig } from '../../../protocol/models';
import type { DecoderConfig } from '../decoder-config';
import type { DecoderParameters } from './record-decoder';
import { magnitudeGroups, SITE_NAMES } from './weight-groups';

/** By the keys of the groups of magnitudes; empty for an adapter without any. */
export type NormValues = ReadonlyMap<string, Value>;

export function normValues(config: DecoderConfig, lora: LoraConfig): NormValues {
  return new Map(
    [...magnitudeGroups(config, lora)].map(([key, { shape }]) => [key, externalValue(`norms ${key}`, shape)]),
  );
}

export interface DoraNormsParts {
  owner: PlanDevice;
  config: DecoderConfig;
  values: NormValues;
  /** The base with the adapter. */
  weights: DecoderParameters;
  /** Where base and adapter live; null for other values. */
  rangeOf: (value: Value) => BufferRange | null;
}

export class DoraNorms {
  readonly #parts: DoraNormsParts;
  readonly #buffer: GPUBuffer;
  readonly #ranges: ReadonlyMap<Value, BufferRange>;
  readonly #plan: Plan;

  private constructor(
    parts: DoraNormsParts,
    buffer: GPUBuffer,
    ranges: ReadonlyMap<Value, BufferRange>,
    plan: Plan,
  ) {
    this.#parts = parts;
    this.#buffer = buffer;
    this.#ranges = ranges;
    this.#plan = plan;
  }

  /** Not worked out yet. @throws AppError `engine.out-of-memory` or `engine.kernel-failed`; nothing stays allocated then. */
  static async open(parts: DoraNormsParts): Promise<DoraNorms> {
    const { owner, values } = parts;
    const bytes = [...values.values()].reduce((sum, value) => sum + aligned(value.bytes), 0);
    const buffer = await owner.memory.allocate(bytes, 'lengths of adapted rows');
    const ranges = new Map<Value, BufferRange>();
    let offset = 0;
    for (const value of values.values()) {
      ranges.set(value, { buffer, offset, bytes: value.bytes });
      offset += aligned(value.bytes);
    }
    const record = (): Recording => {
      const recorder = owner.recorder();
      recordNorms(recorder, parts.config, parts.weights);
      return recorder.finish();
    };
    try {
      const plan = await compilePlan(owner, record, (value) => {
        const range = ranges.get(value) ?? parts.rangeOf(value);
        if (range === null) throw new Error(`${value.name} has no memory.`);
        return range;
      });
      return new DoraNorms(parts, buffer, ranges, plan);
    } catch (error) {
      owner.memory.free(buffer);
      throw error;
    }
  }

  /** The weights have changed. */
  refresh(): void {
    this.#plan.run();
  }

  /** null for values of others. */
  rangeOf(value: Value): BufferRange | null {
    return this.#ranges.get(value) ?? null;
  }

  /** Makes these lengths the magnitudes: the adapter then stretches nothing. @param store of the adapter's weights. */
  copyToMagnitudes(store: WeightStore): void {
    const { owner, values } = this.#parts;
    const encoder = owner.device.createCommandEncoder();
    for (const [key, value] of values) {
      const group = store.layout.groups.get(key);
      const from = this.#ranges.get(value);
      if (group === undefined || from === undefined) continue;
      const to = store.rangeOf(group);
      encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, value.bytes);
    }
    owner.device.queue.submit([encoder.finish()]);
  }

  dispose(): void {
    this.#plan.dispose();
    this.#parts.owner.memory.free(this.#buffer);
  }
}

/** The norms of every adapted projection, for an adapter with magnitudes. */
export function recordNorms(recorder: Recorder, config: DecoderConfig, weights: DecoderParameters): void {
  for (let layer = 0; layer < config.layers; layer += 1) {
    for (const site of SITE_NAMES) {
      const { weight, lora } = weights.linear(layer, site);
      if (lora !== null) recordSite(recorder, weight, lora);
    }
  }
}

function recordSite(
  recorder: Recorder,
  weight: Parameter,
  { rank, scale, a, segments, dora }: LoraPath,
): void {
  if (dora === null) return;
  let first = 0;
  segments.forEach(({ start, width, b }, part) => {
    const rows = { start, width };
    const values = { a: a.value, b: b.value, norms: dora.norms };
    adaptedNorms(recorder, { weight, rows, part, rank, scale, first, ...values });
    first += width;
  });
}
