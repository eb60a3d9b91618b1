// Adapters of a model in slots of one array per layer, so that sequences of different adapters are read in one batch. It
// holds copies, made on the device when an adapter is opened; an adapter's slot stays its own until everyone has closed it.
// Grows when there are more adapters, or larger ones. Owns its buffers.
import {
  externalValue,
  STACK_FIELDS,
  type BufferRange,
  type PlanDevice,
  type StackedSite,
  type Value,
  type WeightStore,
} from '../../../engine/planned';
import type { LoraConfig } from '../../../protocol/models';
import type { DecoderConfig } from '../decoder-config';
import { projectionPath, projections, projectionShape } from '../decoder-names';
import { loraB, loraScale } from '../lora-weights';
import { adapted, SITE_NAMES, siteLoraKey, siteProjections, type Site } from './weight-groups';

export interface StackedAdapter {
  readonly lora: LoraConfig;
  readonly store: WeightStore;
}

const RANKS = [8, 16, 32, 64, 128, 256];
const MAX_RANK = 256;

/** Adapters with magnitudes stretch what the base gives, too: these cannot share a product. */
export const canStack = ({ rank, useDora = false }: LoraConfig): boolean => !useDora && rank <= MAX_RANK;

/** The site's entries in a slot's part of the table. */
export function stackedSite(config: DecoderConfig, site: Site): StackedSite {
  let first = 0;
  for (const other of SITE_NAMES.slice(0, SITE_NAMES.indexOf(site))) {
    first += siteProjections(config, other).length;
  }
  return {
    first,
    widths: siteProjections(config, site).map((target) => projectionShape(config, target).out),
  };
}

interface SlotLayout {
  /** Of one layer. */
  elements: number;
  /** Table entries of a slot whose matrices begin at 0; the same in every layer. */
  entries: readonly { entry: number; a: number; b: number }[];
  /** Groups of the adapter's weights in a layer, and where they go. */
  groups: readonly { key: (layer: number) => string; at: number }[];
}

/** Where an adapter's matrices stand within its slot. Pure. */
function slotLayout(config: DecoderConfig, { rank, targets }: LoraConfig): SlotLayout {
  const entries: { entry: number; a: number; b: number }[] = [];
  const groups: { key: (layer: number) => string; at: number }[] = [];
  let elements = 0;
  const place = (size: number, key: (layer: number) => string): number => {
    const at = elements;
    groups.push({ key, at });
    elements += size;
    return at;
  };
  for (const site of SITE_NAMES) {
    const used = adapted(config, site, targets);
    const [firstTarget] = used;
    if (firstTarget === undefined) continue;
    const width = projectionShape(config, firstTarget).in;
    const a = place(used.length * rank * width, (layer) => siteLoraKey(layer, site));
    used.forEach((target, index) => {
      const size = projectionShape(config, target).out * rank;
      const b = place(size, (layer) => loraB(projectionPath(layer, target)));
      const entry = stackedSite(config, site).first + siteProjections(config, site).indexOf(target);
      entries.push({ entry, a: a + index * rank * width, b });
    });
  }
  return { elements, entries, groups };
}

interface Slot {
  adapter: StackedAdapter;
  layout: SlotLayout;
  users: number;
}

export class AdapterStack {
  /** Of each layer; what plans bind. */
  readonly layers: readonly Value[];
  readonly table = externalValue('table of adapters', [1]);
  readonly entries: number;
  readonly #owner: PlanDevice;
  readonly #config: DecoderConfig;
  readonly #ranges = new Map<Value, BufferRange>();
  readonly #slots: (Slot | null)[] = [];
  /** Slots that there is room for, and elements of each in a layer. */
  #room = { slots: 0, elements: 0 };
  #rank = 0;
  #generation = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(owner: PlanDevice, config: DecoderConfig) {
    this.#owner = owner;
    this.#config = config;
    this.entries = projections(config).length;
    this.layers = Array.from({ length: config.layers }, (_, layer) =>
      externalValue(`adapters of layer ${layer}`, [1]),
    );
  }

  /** Changes whenever the arrays have moved. */
  get generation(): number {
    return this.#generation;
  }

  /** That of the largest adapter so far, rounded up. */
  get rank(): number {
    return this.#rank;
  }

  /** null for values of others. */
  rangeOf(value: Value): BufferRange | null {
    return this.#ranges.get(value) ?? null;
  }

  /** Its slot. To be closed as often. @throws AppError `engine.out-of-memory`; then it is not open. */
  open(adapter: StackedAdapter): Promise<number> {
    const opened = this.#last.then(() => this.#open(adapter));
    this.#last = opened.catch(() => undefined);
    return opened;
  }

  close(adapter: StackedAdapter): void {
    const index = this.#slotOf(adapter);
    const slot = this.#slots[index];
    if (slot === undefined || slot === null) return;
    slot.users -= 1;
    if (slot.users === 0) this.#slots[index] = null;
  }

  dispose(): void {
    this.#free();
    this.#slots.length = 0;
    this.#room = { slots: 0, elements: 0 };
  }

  async #open(adapter: StackedAdapter): Promise<number> {
    const known = this.#slotOf(adapter);
    const slot = this.#slots[known];
    if (slot !== undefined && slot !== null) {
      slot.users += 1;
      return known;
    }
    const layout = slotLayout(this.#config, adapter.lora);
    const free = this.#slots.indexOf(null);
    const index = free === -1 ? this.#slots.length : free;
    await this.#makeRoom(index + 1, layout.elements);
    this.#rank = Math.max(this.#rank, RANKS.find((rank) => rank >= adapter.lora.rank) ?? MAX_RANK);
    this.#slots[index] = { adapter, layout, users: 1 };
    this.#copy(index);
    return index;
  }

  #slotOf(adapter: StackedAdapter): number {
    return this.#slots.findIndex((slot) => slot?.adapter === adapter);
  }

  async #makeRoom(slots: number, elements: number): Promise<void> {
    if (slots <= this.#room.slots && elements <= this.#room.elements) return;
    const room = {
      slots: Math.max(2 ** Math.ceil(Math.log2(slots)), this.#room.slots),
      elements: Math.max(elements, this.#room.elements),
    };
    const fresh = await this.#allocate(room);
    this.#free();
    for (const [value, range] of fresh) this.#ranges.set(value, range);
    this.#room = room;
    this.#generation += 1;
    this.#slots.forEach((slot, index) => {
      if (slot !== null) this.#copy(index);
    });
  }

  async #allocate(room: { slots: number; elements: number }): Promise<Map<Value, BufferRange>> {
    const { memory } = this.#owner;
    const fresh = new Map<Value, BufferRange>();
    try {
      for (const value of [this.table, ...this.layers]) {
        const size = value === this.table ? this.entries * STACK_FIELDS : room.elements;
        const bytes = 4 * room.slots * size;
        fresh.set(value, { buffer: await memory.allocate(bytes, value.name), offset: 0, bytes });
      }
    } catch (error) {
      for (const { buffer } of fresh.values()) memory.free(buffer);
      throw error;
    }
    return fresh;
  }

  /** Puts an adapter into its slot. */
  #copy(index: number): void {
    const slot = this.#slots[index];
    const table = this.#ranges.get(this.table);
    if (slot === undefined || slot === null || table === undefined) return;
    const { adapter, layout } = slot;
    const start = index * this.#room.elements;
    const encoder = this.#owner.device.createCommandEncoder();
    this.layers.forEach((value, layer) => {
      const to = this.#ranges.get(value) as BufferRange;
      for (const { key, at } of layout.groups) {
        const from = adapter.store.rangeOf(adapter.store.layout.groups.get(key(layer)) as Value);
        encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, 4 * (start + at), from.bytes);
      }
    });
    this.#owner.device.queue.submit([encoder.finish()]);
    const numbers = this.#entriesOf(slot, start);
    this.#owner.device.queue.writeBuffer(table.buffer, index * numbers.byteLength, numbers);
  }

  #entriesOf({ adapter: { lora }, layout }: Slot, start: number): Uint32Array<ArrayBuffer> {
    const numbers = new Uint32Array(this.entries * STACK_FIELDS);
    const [scale = 0] = new Uint32Array(Float32Array.of(loraScale(lora)).buffer);
    for (const { entry, a, b } of layout.entries) {
      numbers.set([start + a, start + b, lora.rank, scale], entry * STACK_FIELDS);
    }
    return numbers;
  }

  #free(): void {
    for (const { buffer } of this.#ranges.values()) this.#owner.memory.free(buffer);
    this.#ranges.clear();
  }
}
