// Matrix products on the page's device, ours and those of plain tfjs, in turns. What is timed is checked first.
import * as tf from '@tensorflow/tfjs';
import type { EngineDevice } from '../../src/engine';
import type { MatMulShape, MatMulVariant } from '../../src/engine/planned/kernels/mat-mul';
import type { PlanDevice } from '../../src/engine/planned';
import { rankVariants, tune } from '../../src/engine/planned/tune/autotune';
import { candidateVariants, defaultVariant } from '../../src/engine/planned/tune/default-variants';
import { GpuTimer } from '../../src/engine/planned/tune/gpu-timer';
import { MatMulTrial } from '../../src/engine/planned/tune/mat-mul-trial';
import { timePlan } from '../../src/engine/planned/tune/time-plan';
import { tuneAttention } from '../../src/engine/planned/tune/tune-attention';
import type { TrainCase } from '../cases';
import { KernelTimes, type KernelTime } from './kernel-times';
import { measureRoofline, type Roofline } from './roofline';

export interface ProductCase {
  name: string;
  m: number;
  n: number;
  k: number;
  transposeA?: boolean;
  transposeB?: boolean;
}

export interface ProductFigures {
  variant: MatMulVariant;
  /** Until the kernel was compiled and had run once. */
  firstMilliseconds: number;
  /** Of one product, one figure per turn. */
  ours: number[];
  tfjs: number[];
  tuned: { variant: MatMulVariant; milliseconds: number } | null;
}

/** What one turn of tfjs should take: more than its queue and its read-back. */
const TURN_MS = 60;
const MAX_RUNS = 32;
/** Parameters of a timed optimizer step. */
const OPTIMIZED = 2 ** 20;

function shapeOf({ m, n, k, transposeA = false, transposeB = false }: ProductCase): MatMulShape {
  const whole = (stride: number) => ({ start: 0, stride });
  const places = { a: whole(transposeA ? m : k), b: whole(transposeB ? k : n), c: whole(n) };
  return { m, n, k, transposeA, transposeB, scale: 1, plus: 'none', ...places };
}

/** One product in plain tfjs. */
class TfjsProduct {
  readonly #shape: MatMulShape;
  readonly #a: tf.Tensor2D;
  readonly #b: tf.Tensor2D;

  constructor(shape: MatMulShape) {
    const { m, n, k, transposeA, transposeB } = shape;
    this.#shape = shape;
    this.#a = tf.randomUniform(transposeA ? [k, m] : [m, k]);
    this.#b = tf.randomUniform(transposeB ? [n, k] : [k, n]);
  }

  /** Milliseconds of one product, from enough of them; reading one number waits for them all. */
  async time(): Promise<number> {
    await this.#run(1);
    const once = await this.#run(1);
    const runs = Math.min(MAX_RUNS, Math.max(1, Math.ceil(TURN_MS / once)));
    return (await this.#run(runs)) / runs;
  }

  dispose(): void {
    this.#a.dispose();
    this.#b.dispose();
  }

  async #run(runs: number): Promise<number> {
    const { transposeA, transposeB } = this.#shape;
    const started = performance.now();
    const corner = tf.tidy(() => {
      let last = tf.matMul(this.#a, this.#b, transposeA, transposeB);
      for (let run = 1; run < runs; run += 1) last = tf.matMul(this.#a, this.#b, transposeA, transposeB);
      return tf.slice(last, [0, 0], [1, 1]);
    });
    await corner.data();
    corner.dispose();
    return performance.now() - started;
  }
}

function plansOf({ plans }: EngineDevice): PlanDevice {
  if (plans === null) throw new Error('Kernels are measured on WebGPU only.');
  return plans;
}

async function compare(
  device: EngineDevice,
  test: ProductCase,
  turns: number,
  tunes: boolean,
): Promise<ProductFigures> {
  const plans = plansOf(device);
  const shape = shapeOf(test);
  const variant = defaultVariant(shape, plans.target);
  const timer = new GpuTimer(plans.device);
  const trial = await MatMulTrial.open(plans, shape);
  const peer = new TfjsProduct(shape);
  const started = performance.now();
  const plan = await trial.plan(variant);
  const right = await trial.isRight(plan);
  const firstMilliseconds = performance.now() - started;
  if (!right) throw new Error(`${test.name}: the product is wrong.`);
  const [ours, tfjs]: [number[], number[]] = [[], []];
  for (let turn = 0; turn < turns; turn += 1) {
    ours.push(await timePlan(timer, plan, 1));
    tfjs.push(await peer.time());
  }
  plan.dispose();
  peer.dispose();
  trial.dispose();
  timer.dispose();
  const [tuned = null] = tunes
    ? await rankVariants(plans, shape, candidateVariants(shape, plans.target))
    : [];
  return { variant, firstMilliseconds, ours, tfjs, tuned };
}

async function timeKernels(device: PlanDevice, test: TrainCase, rounds: number): Promise<KernelTime[]> {
  const times = new KernelTimes(device);
  try {
    return [
      ...(await times.trainingStep(test, rounds)),
      ...(await times.optimizerStep(OPTIMIZED, rounds)),
      ...(await times.decodedToken(test, rounds)),
    ];
  } finally {
    times.dispose();
  }
}

/** The functions that the suite calls. */
export const kernelBench = (device: EngineDevice) => ({
  compareProduct: (test: ProductCase, turns: number, tunes: boolean): Promise<ProductFigures> =>
    compare(device, test, turns, tunes),
  /** Times the variants of every product and of attention that plans were made of so far; plans made later take the fastest. */
  tune: async (): Promise<number> => {
    const plans = plansOf(device);
    const products = await tune(plans, plans.askedShapes, plans.tuning);
    return products + (await tuneAttention(plans, plans.askedAttention, plans.tuning));
  },
  timeKernels: (test: TrainCase, rounds: number): Promise<KernelTime[]> =>
    timeKernels(plansOf(device), test, rounds),
  roofline: (rounds: number): Promise<Roofline> => measureRoofline(plansOf(device), rounds),
});
