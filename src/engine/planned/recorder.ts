// Records the dispatches of a plan in order, with the arrays they read and write. Pure: no device, no memory. Whatever
// is recorded can be measured (liveness, arena) before anything is allocated.
import { elements } from './elements';
import type { Kernel } from './kernel';
import type { AttentionShape, AttentionVariant } from './kernels/attention-tile';
import type { MatMulShape, MatMulVariant } from './kernels/mat-mul-shape';
import type { QuantisedShape, QuantisedVariant } from './kernels/quantised-shape';

/** An array of a plan. Temporary ones live in the arena; external ones (weights, inputs, results) outlive the plan. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
  readonly bytes: number;
  readonly external: boolean;
  /** Written once, when the plan is made. */
  readonly constant: boolean;
  /** Whether a gradient by it is of use: something it was made from is being trained. */
  readonly learns: boolean;
}

export interface Dispatch {
  readonly kernel: Kernel;
  /** In the order of the kernel's bindings. */
  readonly values: readonly Value[];
  /** Runs only while this is below the number of chunks a replay asks for; null runs always. */
  readonly chunk: number | null;
}

export interface Recording {
  readonly dispatches: readonly Dispatch[];
  /** Contents of the constant arrays that the dispatches read. */
  readonly constants: ReadonlyMap<Value, Uint32Array>;
}

const FLOAT_BYTES = 4;
/** Bindings begin at multiples of this: the default `minStorageBufferOffsetAlignment`. */
export const ALIGNMENT = 256;

export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

export { elements };

/** An array that exists outside of plans; all elements have 4 bytes unless `bytes` says otherwise. */
export function externalValue(
  name: string,
  shape: readonly number[],
  { learns = false, bytes = elements(shape) * FLOAT_BYTES }: { learns?: boolean; bytes?: number } = {},
): Value {
  return { name, shape, bytes, external: true, constant: false, learns };
}

/** What of a device decides how kernels are written. */
export interface DeviceTraits {
  /** Invocations that share a row in kernels that reduce over it: 1 where barriers are dear (software adapters). */
  rowLanes: number;
  /** Work of a dispatch, at most, where it can be divided: nothing else runs, and nothing can be submitted, in between. */
  dispatchFlops: number;
  /** Whether keys of attention may come through workgroup memory, where they would; absent is yes. */
  attentionMemory?: boolean;
}

export const SOFTWARE_TRAITS: DeviceTraits = { rowLanes: 1, dispatchFlops: 2e8 };
export const GPU_TRAITS: DeviceTraits = { rowLanes: 64, dispatchFlops: 1e10 };

export class Recorder {
  readonly traits: DeviceTraits;
  /** Which variant a matrix product takes; where there is none, a default by the traits. */
  readonly variantOf: ((shape: MatMulShape) => MatMulVariant) | null;
  /** The same for products with a matrix in few bits. */
  readonly quantisedVariantOf: ((shape: QuantisedShape) => QuantisedVariant) | null;
  /** The same for attention in training. */
  readonly attentionVariantOf: ((shape: AttentionShape) => AttentionVariant) | null;
  readonly #dispatches: Dispatch[] = [];
  readonly #constants = new Map<string, { value: Value; data: Uint32Array }>();
  #chunk: number | null = null;

  constructor(
    traits: DeviceTraits = SOFTWARE_TRAITS,
    variantOf: Recorder['variantOf'] = null,
    quantisedVariantOf: Recorder['quantisedVariantOf'] = null,
    attentionVariantOf: Recorder['attentionVariantOf'] = null,
  ) {
    this.traits = traits;
    this.variantOf = variantOf;
    this.quantisedVariantOf = quantisedVariantOf;
    this.attentionVariantOf = attentionVariantOf;
  }

  /** A temporary array. Its content is undefined until a dispatch writes it. */
  temporary(name: string, shape: readonly number[], learns = false): Value {
    return { name, shape, bytes: elements(shape) * FLOAT_BYTES, external: false, constant: false, learns };
  }

  /** Numbers that differ between dispatches of one kernel: kept out of the code, so that they share a pipeline. */
  constant(...numbers: number[]): Value {
    const key = numbers.join();
    const known = this.#constants.get(key);
    if (known !== undefined) return known.value;
    const value: Value = {
      name: `constants ${key}`,
      shape: [numbers.length],
      bytes: 4 * numbers.length,
      external: false,
      constant: true,
      learns: false,
    };
    this.#constants.set(key, { value, data: Uint32Array.from(numbers) });
    return value;
  }

  /** @throws RangeError when the values do not match the kernel's bindings. */
  dispatch(kernel: Kernel, values: readonly Value[]): void {
    if (values.length !== kernel.bindings.length) {
      throw new RangeError(
        `${kernel.name} has ${kernel.bindings.length} bindings, ${values.length} values were given.`,
      );
    }
    this.#dispatches.push({ kernel, values, chunk: this.#chunk });
  }

  /** Everything recorded inside runs only for replays of more than `index` chunks. */
  chunk(index: number, record: () => void): void {
    this.#chunk = index;
    record();
    this.#chunk = null;
  }

  finish(): Recording {
    const constants = new Map([...this.#constants.values()].map(({ value, data }) => [value, data]));
    return { dispatches: withoutDead(this.#dispatches), constants };
  }
}

/** Drops dispatches whose results nobody reads: the last product of a block that is only computed again, for one. */
function withoutDead(dispatches: readonly Dispatch[]): Dispatch[] {
  const wanted = new Set<Value>();
  const live: Dispatch[] = [];
  for (const dispatch of [...dispatches].reverse()) {
    const { bindings } = dispatch.kernel;
    const isWanted = (value: Value, index: number): boolean =>
      bindings[index]?.writes === true && (value.external || wanted.has(value));
    if (!dispatch.values.some(isWanted)) continue;
    for (const value of dispatch.values) wanted.add(value);
    live.push(dispatch);
  }
  return live.reverse();
}
