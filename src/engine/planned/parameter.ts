// A weight as operations see it.
import type { QuantisedBits } from './quantise';
import type { Value } from './recorder';

/** A matrix in few bits: the parameter's value has its words, this the rest. */
export interface QuantisedForm {
  readonly bits: QuantisedBits;
  /** f32 [rows, columns / 32]; null for 16 bits, which need none. */
  readonly scales: Value | null;
}

export interface Parameter {
  /** Its shape is that of the weight, whatever it is kept in. */
  readonly value: Value;
  /** Sum of gradients over the accumulation window, to be added to; null for a frozen weight. */
  readonly gradient: Value | null;
  /** Absent for f32. A weight that learns is f32. */
  readonly quantised?: QuantisedForm;
  /**
   * The weight in ranges of its rows, in order, where it is larger than what can be bound at once; `value` and `gradient`
   * then only tell the shape and have no memory.
   */
  readonly parts?: readonly Parameter[];
}

export const frozen = (value: Value, quantised: QuantisedForm | null = null): Parameter =>
  quantised === null ? { value, gradient: null } : { value, gradient: null, quantised };

/** A parameter, or a range of its rows: what has memory and can be bound. */
export interface ParameterPart extends Parameter {
  /** First row of the whole. */
  readonly row: number;
  readonly rows: number;
}

/** In order; the parameter itself where it is whole. */
export function partsOf(parameter: Parameter): ParameterPart[] {
  let row = 0;
  return (parameter.parts ?? [parameter]).map((part) => {
    const [rows = 0] = part.value.shape;
    const placed = { ...part, row, rows };
    row += rows;
    return placed;
  });
}
