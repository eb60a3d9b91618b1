// Measured choices by shape, for one adapter. Plain data on its way in and out; who owns it keeps it.
import { isAligned, type MatMulShape, type MatMulVariant } from '../kernels/mat-mul-shape';
import type { AttentionVariant } from '../kernels/attention-tile';
import type { QuantisedVariant } from '../kernels/quantised-shape';
import { defaultVariant, type TuningTarget } from './default-variants';

export interface TunedChoice {
  variant: MatMulVariant;
  /** Of one product. */
  milliseconds: number;
}

/** Raised whenever variants change their meaning: what was kept before is of no use then. */
export const TUNING_VERSION = 3;

/** Of a product with a matrix in few bits. */
export interface TunedQuantised {
  variant: QuantisedVariant;
  milliseconds: number;
}

/** Of attention, forward and backward. */
export interface TunedAttention {
  variant: AttentionVariant;
  milliseconds: number;
}

export interface TuningRecord {
  version: number;
  choices: Record<string, TunedChoice>;
  /** Absent where none was measured. */
  quantised?: Record<string, TunedQuantised>;
  attention?: Record<string, TunedAttention>;
}

/** Shapes with the same key are the same work: scale, and where the parts lie, cost nothing. */
export function matMulKey(shape: MatMulShape): string {
  const { m, n, k, transposeA, transposeB, plus } = shape;
  const form = `${transposeA ? 't' : 'n'}${transposeB ? 't' : 'n'}`;
  return `${m}x${n}x${k} ${form} ${plus}${isAligned(shape) ? '' : ' odd'}`;
}

export class TuningTable {
  readonly #choices: Map<string, TunedChoice>;
  readonly #quantised: Map<string, TunedQuantised>;
  readonly #attention: Map<string, TunedAttention>;

  constructor(
    choices: Iterable<readonly [string, TunedChoice]> = [],
    quantised: Iterable<readonly [string, TunedQuantised]> = [],
    attention: Iterable<readonly [string, TunedAttention]> = [],
  ) {
    this.#choices = new Map(choices);
    this.#quantised = new Map(quantised);
    this.#attention = new Map(attention);
  }

  /** Empty where `record` is of another version. */
  static fromJSON({ version, choices, quantised = {}, attention = {} }: TuningRecord): TuningTable {
    if (version !== TUNING_VERSION) return new TuningTable();
    return new TuningTable(Object.entries(choices), Object.entries(quantised), Object.entries(attention));
  }

  get size(): number {
    return this.#choices.size + this.#quantised.size + this.#attention.size;
  }

  get(key: string): TunedChoice | null {
    return this.#choices.get(key) ?? null;
  }

  set(key: string, choice: TunedChoice): void {
    this.#choices.set(key, choice);
  }

  toJSON(): TuningRecord {
    return {
      version: TUNING_VERSION,
      choices: Object.fromEntries(this.#choices),
      quantised: Object.fromEntries(this.#quantised),
      attention: Object.fromEntries(this.#attention),
    };
  }

  /** @param key of `quantisedKey`. */
  getQuantised(key: string): TunedQuantised | null {
    return this.#quantised.get(key) ?? null;
  }

  setQuantised(key: string, choice: TunedQuantised): void {
    this.#quantised.set(key, choice);
  }

  /** @param key the shape's name. */
  getAttention(key: string): TunedAttention | null {
    return this.#attention.get(key) ?? null;
  }

  setAttention(key: string, choice: TunedAttention): void {
    this.#attention.set(key, choice);
  }

  /** For `Recorder`: what was measured, else the default. */
  variantOf(target: TuningTarget): (shape: MatMulShape) => MatMulVariant {
    return (shape) => this.get(matMulKey(shape))?.variant ?? defaultVariant(shape, target);
  }
}
