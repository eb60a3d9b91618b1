// Trainable parameters by name, with their AdamW moments and, where wanted, their moving average. Owns all of these
// tensors. tfjs's own Adam keys moments by position and has no decoupled decay; here the name is the key.
import * as tf from '@tensorflow/tfjs-core';
import { dispose, keep, scope, type Tensor } from '../tensor';

export interface AdamWStep {
  /** What the summed gradients are multiplied with: 1 / target tokens, times the clipping factor. */
  gradientScale: number;
  learningRate: number;
  weightDecay: number;
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

export const STATE_PARTS = ['parameter', 'moment1', 'moment2', 'ema'] as const;
export type StatePart = (typeof STATE_PARTS)[number];

type Slots = Record<StatePart, Tensor | null>;

/** Vectors (norms, biases) are not decayed. */
const decays = (tensor: Tensor): boolean => tensor.rank > 1;

export class ParameterSet {
  readonly #slots = new Map<string, Slots>();
  #emaDecay: number | null = null;
  /** Steps that changed the parameters: AdamW's bias correction counts them. */
  appliedSteps = 0;

  /** Takes the tensor over. */
  add(name: string, value: Tensor): void {
    this.#slots.set(name, { parameter: keep(value), moment1: null, moment2: null, ema: null });
  }

  get names(): string[] {
    return [...this.#slots.keys()];
  }

  /** Number of trainable weights. */
  get size(): number {
    return this.names.reduce((sum, name) => sum + this.value(name).size, 0);
  }

  has(name: string): boolean {
    return this.#slots.has(name);
  }

  /** The parameter; the set stays its owner. */
  value(name: string): Tensor {
    return this.part(name, 'parameter') ?? tf.zeros([0]);
  }

  /** The moving average where there is one, else the parameter. */
  averaged(name: string): Tensor {
    return this.part(name, 'ema') ?? this.value(name);
  }

  part(name: string, part: StatePart): Tensor | null {
    return this.#slots.get(name)?.[part] ?? null;
  }

  /** Replaces one part, taking the tensor over. */
  setPart(name: string, part: StatePart, value: Tensor): void {
    const slots = this.#slots.get(name);
    if (slots === undefined) return;
    dispose(slots[part]);
    slots[part] = keep(value);
  }

  /** From here on the average follows every applied step; it starts at the parameters unless it exists already. */
  enableEma(decay: number): void {
    this.#emaDecay = decay;
    for (const [name, slots] of this.#slots) {
      if (slots.ema === null) this.setPart(name, 'ema', tf.clone(this.value(name)));
    }
  }

  /** One AdamW step (Loshchilov and Hutter 2019) for every parameter that has a gradient. */
  step(gradientOf: (name: string) => Tensor | null, options: AdamWStep): void {
    this.appliedSteps += 1;
    for (const name of this.#slots.keys()) {
      const gradient = gradientOf(name);
      if (gradient !== null) this.#stepOne(name, gradient, options);
      this.#followAverage(name);
    }
  }

  #stepOne(name: string, gradient: Tensor, { gradientScale, learningRate, weightDecay }: AdamWStep): void {
    const value = this.value(name);
    const rate = learningRate / (1 - BETA1 ** this.appliedSteps);
    const correction2 = Math.sqrt(1 - BETA2 ** this.appliedSteps);
    const shrink = decays(value) ? 1 - learningRate * weightDecay : 1;
    const next = scope(() => {
      const scaled = tf.mul(gradient, gradientScale);
      const moment1 = this.#blend(this.part(name, 'moment1'), scaled, BETA1);
      const moment2 = this.#blend(this.part(name, 'moment2'), tf.square(scaled), BETA2);
      const denominator = tf.add(tf.div(tf.sqrt(moment2), correction2), EPSILON);
      const update = tf.mul(tf.div(moment1, denominator), rate);
      return { moment1, moment2, parameter: tf.sub(shrink === 1 ? value : tf.mul(value, shrink), update) };
    });
    this.setPart(name, 'moment1', next.moment1);
    this.setPart(name, 'moment2', next.moment2);
    this.setPart(name, 'parameter', next.parameter);
  }

  /** decay * old + (1 - decay) * new; an absent old value is zero. */
  #blend(old: Tensor | null, fresh: Tensor, decay: number): Tensor {
    const part = tf.mul(fresh, 1 - decay);
    return old === null ? part : tf.add(tf.mul(old, decay), part);
  }

  #followAverage(name: string): void {
    const average = this.part(name, 'ema');
    if (this.#emaDecay === null || average === null) return;
    const decay = this.#emaDecay;
    this.setPart(
      name,
      'ema',
      scope(() => this.#blend(average, this.value(name), decay)),
    );
  }

  dispose(): void {
    for (const slots of this.#slots.values()) dispose(Object.values(slots).filter((part) => part !== null));
    this.#slots.clear();
  }
}
