// Gradients of what is recorded: each operation leaves a rule, and `backward` records the rules in reverse order.
// A block that is recomputed leaves no arrays behind: its rule records the block once more and then its gradients.
import type { Recorder, Value } from './recorder';

/** Where a rule puts a gradient: into an array of its own, or on top of what is there already. */
export interface GradientTarget {
  value: Value;
  adds: boolean;
}

export class Tape {
  readonly recorder: Recorder;
  readonly #rules: (() => void)[] = [];
  readonly #gradients = new Map<Value, Value>();
  readonly #muted: boolean;

  /** @param muted records no rules: a forward pass whose gradients are never asked for. */
  constructor(recorder: Recorder, muted = false) {
    this.recorder = recorder;
    this.#muted = muted;
  }

  /** To be recorded on the way back. */
  rule(record: () => void): void {
    if (!this.#muted) this.#rules.push(record);
  }

  /** The gradient by `value` so far; null where none has arrived. */
  gradient(value: Value): Value | null {
    return this.#gradients.get(value) ?? null;
  }

  target(value: Value): GradientTarget {
    const known = this.#gradients.get(value);
    if (known !== undefined) return { value: known, adds: true };
    const fresh = this.recorder.temporary(`d ${value.name}`, value.shape);
    this.#gradients.set(value, fresh);
    return { value: fresh, adds: false };
  }

  /** Makes `gradient` the gradient by `value`; from now on it may be added to. @throws Error when there is one already. */
  hand(value: Value, gradient: Value): void {
    if (this.#gradients.has(value)) throw new Error(`${value.name} has a gradient already.`);
    this.#gradients.set(value, gradient);
  }

  backward(): void {
    for (const record of this.#rules.splice(0).reverse()) record();
  }

  /** A part of the forward pass with one input, recorded again on the way back instead of being kept. */
  recomputed(input: Value, part: (tape: Tape, input: Value) => Value): Value {
    const output = part(new Tape(this.recorder, true), input);
    this.rule(() => {
      const gradient = this.gradient(output);
      if (gradient === null) return;
      const again = new Tape(this.recorder);
      again.hand(part(again, input), gradient);
      again.backward();
      const byInput = again.gradient(input);
      if (byInput !== null) this.hand(input, byInput);
    });
    return output;
  }
}
