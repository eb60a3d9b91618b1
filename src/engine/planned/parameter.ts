// A weight as operations see it.
import type { QuantisedBits } from './quantise';
import type { Value } from './recorder';

/** A matrix in few bits: the parameter's value has its words, this the rest. */
export interface QuantisedForm {
  readonly bits: QuantisedBits;
  /** f32 [rows, columns / 32] */
  readonly scales: Value;
}

export interface Parameter {
  /** Its shape is that of the weight, whatever it is kept in. */
  readonly value: Value;
  /** Sum of gradients over the accumulation window, to be added to; null for a frozen weight. */
  readonly gradient: Value | null;
  /** Absent for f32. A weight that learns is f32. */
  readonly quantised?: QuantisedForm;
}

export const frozen = (value: Value, quantised: QuantisedForm | null = null): Parameter =>
  quantised === null ? { value, gradient: null } : { value, gradient: null, quantised };
