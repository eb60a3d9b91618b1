// A weight as operations see it.
import type { Value } from './recorder';

export interface Parameter {
  readonly value: Value;
  /** Sum of gradients over the accumulation window, to be added to; null for a frozen weight. */
  readonly gradient: Value | null;
}

export const frozen = (value: Value): Parameter => ({ value, gradient: null });
