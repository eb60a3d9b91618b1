// Weights that learn: values, gradients of the accumulation window, moments of AdamW and, where wanted, averages, all in
// one layout, and the plan of an optimizer step over them. Owns all of it.
import {
  adamW,
  adamWSettings,
  compilePlan,
  aligned,
  externalValue,
  followAverage,
  type Plan,
  SETTINGS_SIZE,
  WeightStore,
  type BufferRange,
  type Parameter,
  type PlanDevice,
  type Recording,
  type Value,
  type WeightLayout,
} from '../../../engine/planned';
import type { OptimizerStep } from '../../trainable-model';
import type { DoraNorms } from './dora-norms';

/** @param rangeOf where the adapter's weights live. */
export type OpenNorms = (rangeOf: (value: Value) => BufferRange | null) => Promise<DoraNorms>;

type Part = 'parameter' | 'gradient' | 'moment1' | 'moment2' | 'ema';

export class TrainedWeights {
  readonly layout: WeightLayout;
  readonly #owner: PlanDevice;
  readonly #stores: Map<Part, WeightStore>;
  readonly #gradients: ReadonlyMap<Value, Value>;
  readonly #settings: GPUBuffer;
  readonly #openNorms: OpenNorms | null;
  readonly #norms = new Map<WeightStore, DoraNorms>();
  #stepPlan: Plan | null = null;
  #emaDecay: number | null = null;
  /** Steps that changed the weights. */
  appliedSteps = 0;

  private constructor(
    owner: PlanDevice,
    layout: WeightLayout,
    stores: Map<Part, WeightStore>,
    settings: GPUBuffer,
    openNorms: OpenNorms | null,
  ) {
    this.#owner = owner;
    this.layout = layout;
    this.#stores = stores;
    this.#settings = settings;
    this.#openNorms = openNorms;
    this.#gradients = new Map(
      [...layout.groups.values()].map((group) => [group, externalValue(`d ${group.name}`, group.shape)]),
    );
  }

  /**
   * Zeroed.
   * @param openNorms for an adapter with magnitudes: lengths that follow the weights from here on.
   * @throws AppError `engine.out-of-memory`; nothing stays allocated then.
   */
  static async allocate(
    owner: PlanDevice,
    layout: WeightLayout,
    openNorms: OpenNorms | null = null,
  ): Promise<TrainedWeights> {
    const stores = new Map<Part, WeightStore>();
    try {
      for (const part of ['parameter', 'gradient', 'moment1', 'moment2'] as const) {
        stores.set(part, await WeightStore.allocate(layout, owner.memory, `${part}s of the training`));
      }
      const settings = await owner.memory.allocate(DECAY.offset + DECAY.bytes, 'optimizer settings');
      const trained = new TrainedWeights(owner, layout, stores, settings, openNorms);
      await trained.#followWith(trained.values);
      return trained;
    } catch (error) {
      for (const store of stores.values()) store.dispose();
      throw error;
    }
  }

  store(part: Part): WeightStore | null {
    return this.#stores.get(part) ?? null;
  }

  get values(): WeightStore {
    return this.#stores.get('parameter') as WeightStore;
  }

  get gradients(): WeightStore {
    return this.#stores.get('gradient') as WeightStore;
  }

  /** The averages where there are any. */
  get averaged(): WeightStore {
    return this.#stores.get('ema') ?? this.values;
  }

  /** @param key a group's. */
  parameter(key: string): Parameter {
    return this.layout.parameter(key, (array) => this.#gradients.get(array) ?? null);
  }

  /** Where groups and their gradients live. @param store which values a plan reads. */
  rangeOf(value: Value, store: WeightStore): BufferRange | null {
    if (this.#gradients.has(value)) return store.rangeOf(value);
    const norms = this.#norms.get(store)?.rangeOf(value) ?? null;
    if (norms !== null) return norms;
    for (const [group, gradient] of this.#gradients) {
      if (gradient === value) return this.#stores.get('gradient')?.rangeOf(group) ?? null;
    }
    return null;
  }

  /** The weights were written: what follows from them does so again. */
  refresh(): void {
    for (const norms of this.#norms.values()) norms.refresh();
  }

  /** Magnitudes of an adapter that is to change nothing yet. */
  initialiseMagnitudes(): void {
    this.refresh();
    this.#norms.get(this.values)?.copyToMagnitudes(this.values);
  }

  clearGradients(): void {
    this.#stores.get('gradient')?.clear();
  }

  async enableEma(decay: number): Promise<void> {
    this.#emaDecay = decay;
    if (this.#stores.has('ema')) return;
    const store = await WeightStore.allocate(this.layout, this.#owner.memory, 'averages of the training');
    store.copyFrom(this.values);
    this.#stores.set('ema', store);
    await this.#followWith(store);
    this.refresh();
    this.#stepPlan?.dispose();
    this.#stepPlan = null;
  }

  /** One AdamW step over the window's gradients, which stay as they are. */
  async step(step: OptimizerStep): Promise<{ gradNorm: number; applied: boolean }> {
    this.#stepPlan ??= await this.#compileStep();
    const { memory } = this.#owner;
    const settings = adamWSettings({ ...step, appliedSteps: this.appliedSteps + 1 });
    memory.write(this.#at(SETTINGS), settings);
    memory.write(this.#at(DECAY), Float32Array.of(this.#emaDecay ?? 0));
    const result = await this.#stepPlan.runAndRead(this.#at(NORM));
    const [gradNorm = NaN, , applied] = new Float32Array(result);
    if (applied === 1) this.appliedSteps += 1;
    this.refresh();
    return { gradNorm, applied: applied === 1 };
  }

  dispose(): void {
    this.#stepPlan?.dispose();
    for (const norms of this.#norms.values()) norms.dispose();
    for (const store of this.#stores.values()) store.dispose();
    this.#owner.memory.free(this.#settings);
  }

  async #followWith(store: WeightStore): Promise<void> {
    const norms = await this.#openNorms?.((value) => this.rangeOf(value, store));
    if (norms !== undefined) this.#norms.set(store, norms);
  }

  #at({ offset, bytes }: { offset: number; bytes: number }): BufferRange {
    return { buffer: this.#settings, offset, bytes };
  }

  /** Elements of a flat array that belong to matrices: these come first. Groups start at multiples of four. */
  #decayed(flat: number): number {
    let end = 0;
    for (const group of this.layout.groups.values()) {
      const place = this.layout.placeOf(group);
      if (place.flat === flat && group.shape.length > 1) end = Math.max(end, place.offset + group.bytes);
    }
    return aligned(end) / 4;
  }

  async #compileStep(): Promise<Plan> {
    const ranges = new Map<Value, BufferRange>();
    const flatsOf = (part: Part): Value[] =>
      (this.#stores.get(part)?.flats ?? []).map((range, index) => {
        const value = externalValue(`${part} ${index}`, [range.bytes / 4]);
        ranges.set(value, range);
        return value;
      });
    const named = (place: { offset: number; bytes: number }): Value => {
      const value = externalValue('settings', [place.bytes / 4]);
      ranges.set(value, this.#at(place));
      return value;
    };
    const [settings, norm, decay] = [named(SETTINGS), named(NORM), named(DECAY)];
    const [values, gradients, moments1, moments2, averages] = [
      flatsOf('parameter'),
      flatsOf('gradient'),
      flatsOf('moment1'),
      flatsOf('moment2'),
      flatsOf('ema'),
    ];
    const record = (): Recording => {
      const recorder = this.#owner.recorder();
      const flats = values.map((value, index) => ({
        value,
        gradient: gradients[index] as Value,
        moment1: moments1[index] as Value,
        moment2: moments2[index] as Value,
        decayed: this.#decayed(index),
      }));
      adamW(recorder, flats, settings, norm);
      averages.forEach((average, index) => {
        followAverage(recorder, values[index] as Value, average, decay, norm);
      });
      return recorder.finish();
    };
    return compilePlan(this.#owner, record, (value) => ranges.get(value) as BufferRange);
  }
}

/** Places in the buffer of settings. */
const SETTINGS = { offset: 0, bytes: SETTINGS_SIZE * 4 };
const NORM = { offset: 256, bytes: 16 };
const DECAY = { offset: 512, bytes: 16 };
