// What all plans of one GPUDevice share: its buffers, its compiled kernels, the arena, which variants are fast on
// it, and how much it does in a submit.
import { ArenaMemory } from './arena-memory';
import { GpuMemory } from './gpu-memory';
import { defaultAttention } from './kernels/attention-default';
import { shapeName, type AttentionShape, type AttentionVariant } from './kernels/attention-tile';
import { quantisedCandidates } from './kernels/quantised-default';
import {
  quantisedKey,
  quantisedVariantName,
  type QuantisedShape,
  type QuantisedVariant,
} from './kernels/quantised-shape';
import { Pipelines } from './pipelines';
import { KernelVariants, SHARED_ATTENTION, SHARED_ROWS } from './kernel-variants';
import { matMulVariantName, type MatMulShape, type MatMulVariant } from './kernels/mat-mul-shape';
import { ALIGNMENT, GPU_TRAITS, Recorder, SOFTWARE_TRAITS, type DeviceTraits } from './recorder';
import { adapterKind, candidateVariants, LAST_RESORTS, type TuningTarget } from './tune/default-variants';
import { matMulKey, TuningTable } from './tune/tuning-table';

/** What a submit should take, milliseconds: browsers end what runs for seconds, and the screen wants its turn. */
const SUBMIT_MS = 100;
const MIN_FLOPS = 5e7;
const MAX_FLOPS = 1e12;

export class PlanDevice {
  readonly device: GPUDevice;
  readonly memory: GpuMemory;
  readonly arena: ArenaMemory;
  readonly pipelines: Pipelines;
  /** What did not compile or computed wrong here. */
  readonly variants = new KernelVariants();
  readonly target: TuningTarget;
  /** What was measured on this device, if anything was. */
  tuning = new TuningTable();
  readonly #asked = new Map<string, MatMulShape>();
  readonly #askedQuantised = new Map<string, QuantisedShape>();
  readonly #askedAttention = new Map<string, AttentionShape>();
  readonly #traits: DeviceTraits;
  #flopsPerSubmit = 5e8;

  readonly #limitBytes: number;

  /** @param limitBytes no array takes more, even where the device can bind more. */
  constructor(
    device: GPUDevice,
    adapter: { vendor: string; software: boolean },
    { limitBytes = Infinity }: { limitBytes?: number } = {},
  ) {
    this.device = device;
    this.#limitBytes = limitBytes;
    this.memory = new GpuMemory(device);
    this.arena = new ArenaMemory(this.memory);
    this.pipelines = new Pipelines(device);
    this.#traits = adapter.software ? SOFTWARE_TRAITS : GPU_TRAITS;
    this.target = { kind: adapterKind(adapter), subgroupLanes: subgroupLanes(device) };
  }

  /** Which variant a product takes here. */
  readonly variantOf = (shape: MatMulShape): MatMulVariant => {
    const isUsable = (variant: MatMulVariant): boolean => this.variants.isUsable(matMulVariantName(variant));
    const chosen = this.tuning.variantOf(this.target)(shape);
    if (isUsable(chosen)) return chosen;
    return [...candidateVariants(shape, this.target), ...LAST_RESORTS].find(isUsable) ?? chosen;
  };

  get traits(): DeviceTraits {
    const { variants } = this;
    return {
      ...this.#traits,
      rowLanes: variants.isUsable(SHARED_ROWS) ? this.#traits.rowLanes : SOFTWARE_TRAITS.rowLanes,
      attentionMemory: variants.isUsable(SHARED_ATTENTION),
    };
  }

  /** The same for a product with a matrix in few bits. */
  readonly quantisedVariantOf = (shape: QuantisedShape): QuantisedVariant => {
    const isUsable = (variant: QuantisedVariant): boolean =>
      this.variants.isUsable(quantisedVariantName(shape, variant));
    const [first, ...others] = quantisedCandidates(shape, this.#traits.rowLanes === 1);
    const chosen = this.tuning.getQuantised(quantisedKey(shape))?.variant ?? first;
    return [chosen, first, ...others].find(isUsable) ?? chosen;
  };

  /** The same for attention in training. */
  readonly attentionVariantOf = (shape: AttentionShape): AttentionVariant => {
    const { traits } = this;
    const measured = this.tuning.getAttention(shapeName(shape))?.variant;
    const isUsable = measured?.sharedBytes === 0 || traits.attentionMemory !== false;
    return measured !== undefined && isUsable ? measured : defaultAttention(shape, traits);
  };

  /** Products that plans of this device have been made of: what is worth tuning. */
  get askedShapes(): MatMulShape[] {
    return [...this.#asked.values()];
  }

  /** The same of products with a matrix in few bits. */
  get askedQuantised(): QuantisedShape[] {
    return [...this.#askedQuantised.values()];
  }

  get askedAttention(): AttentionShape[] {
    return [...this.#askedAttention.values()];
  }

  /** Work that nobody needs tuned: a self-test. */
  async forgetting<T>(work: () => Promise<T>): Promise<T> {
    const restore = [
      remembering(this.#asked),
      remembering(this.#askedQuantised),
      remembering(this.#askedAttention),
    ];
    try {
      return await work();
    } finally {
      for (const one of restore) one();
    }
  }

  /** Records for this device, and remembers which products it is asked for. */
  recorder(): Recorder {
    return new Recorder(
      this.traits,
      (shape) => {
        this.#asked.set(matMulKey(shape), shape);
        return this.variantOf(shape);
      },
      (shape) => {
        this.#askedQuantised.set(quantisedKey(shape), shape);
        return this.quantisedVariantOf(shape);
      },
      (shape) => {
        this.#askedAttention.set(shapeName(shape), shape);
        return this.attentionVariantOf(shape);
      },
    );
  }

  /** Largest piece of the arena, and largest array of weights: everything in it can be bound. */
  get slabBytes(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const limit = Math.min(maxBufferSize, maxStorageBufferBindingSize, this.#limitBytes);
    return Math.floor(limit / ALIGNMENT) * ALIGNMENT;
  }

  get flopsPerSubmit(): number {
    return this.#flopsPerSubmit;
  }

  /** Learns from work that was seen to finish. */
  observe(flops: number, milliseconds: number): void {
    const seen = (SUBMIT_MS * flops) / Math.max(milliseconds, 0.1);
    this.#flopsPerSubmit = Math.min(MAX_FLOPS, Math.max(MIN_FLOPS, 0.5 * (this.#flopsPerSubmit + seen)));
  }

  dispose(): void {
    this.arena.dispose();
    this.memory.dispose();
  }
}

/** Subgroups may differ in size from shader to shader; only where they cannot is the size known beforehand. */
function subgroupLanes(device: GPUDevice): number {
  // Older browsers do not tell.
  if (!device.features.has('subgroups') || !('adapterInfo' in device)) return 0;
  const { subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
  return subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 0;
}

/** @returns puts the map back to what it holds now. */
function remembering<Value>(map: Map<string, Value>): () => void {
  const before = [...map];
  return () => {
    map.clear();
    for (const [key, value] of before) map.set(key, value);
  };
}
