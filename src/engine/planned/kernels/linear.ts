// y = x W^T (+ residual), with LoRA side paths (Hu et al. 2021) on parts of the output: y_s += scale * (x A_s^T) B_s^T,
// and with DoRA then magnitude_s / norm_s * y_s. A bias comes last.
// Projections that read the same input are one product: their weights lie below each other.
import type { Parameter } from '../parameter';
import type { Value } from '../recorder';
import type { Tape } from '../tape';
import { addBias } from './bias';
import { dropout, dropoutGradient, giveGradient, type Dropout } from './elementwise';
import { stretch, type Magnitudes } from './magnitude';
import { matMul } from './mat-mul';
import { checkLearns, inputGradient, weightGradient, weightProduct } from './weight-product';

export interface LoraSegment {
  /** Columns of y that this side path adds to. */
  start: number;
  width: number;
  /** [width, rank] */
  b: Parameter;
}

export interface LoraPath {
  rank: number;
  /** alpha / rank, or alpha / sqrt(rank). */
  scale: number;
  /** A of all segments below each other, [segments * rank, in]. */
  a: Parameter;
  segments: readonly LoraSegment[];
  /** Of the side paths' input; null is off. */
  dropout: Dropout | null;
  /** Outputs are divided by the lengths of the adapted rows and given trained ones; null is off. */
  dora: Magnitudes | null;
}

export interface LinearWeights {
  /** [out, in]; in few bits only where it is frozen. */
  weight: Parameter;
  lora: LoraPath | null;
  /** [out], added to every row after all else; absent or null is none. */
  bias?: Parameter | null;
}

/** @param x [rows, in]; @param residual [rows, out], added. @returns [rows, out]. */
export function linear(tape: Tape, x: Value, weights: LinearWeights, residual: Value | null = null): Value {
  const { lora, bias = null } = weights;
  const dora = lora?.dora ?? null;
  const y =
    lora === null || dora === null
      ? product(tape, x, weights, residual)
      : stretch(tape, product(tape, x, weights, null), dora, lora.segments, residual);
  if (bias !== null) addBias(tape, y, bias);
  return y;
}

function product(tape: Tape, x: Value, weights: LinearWeights, residual: Value | null): Value {
  const { recorder } = tape;
  const { weight, lora, bias = null } = weights;
  const [m = 0] = x.shape;
  const n = weight.value.shape[0] ?? 0;
  const trains = weight.gradient !== null || (bias?.gradient ?? null) !== null || lora !== null;
  const learns = x.learns || trains || residual?.learns === true;
  const y = recorder.temporary('y', [m, n], learns);
  checkLearns(weight);
  weightProduct(recorder, x, weight, y, residual);
  const side = lora === null ? null : sidePath(tape, x, y, lora);
  tape.rule(() => {
    const dy = tape.gradient(y);
    if (dy === null) return;
    weightGradient(recorder, dy, x, weight);
    if (x.learns) inputGradient(recorder, dy, weight, tape.target(x));
    if (lora !== null && side !== null) sideGradients(tape, x, dy, lora, side);
    // Last: from here on the array of dy is the residual's gradient and will be added to.
    if (residual?.learns === true) giveGradient(tape, residual, dy);
  });
  return y;
}

interface Side {
  /** What A reads, [rows, in]. */
  input: Value;
  /** input A^T, [rows, segments * rank] */
  z: Value;
}

const whole = (rank: number, { segments }: LoraPath): number => rank * segments.length;

function sidePath(tape: Tape, x: Value, y: Value, lora: LoraPath): Side {
  const { recorder } = tape;
  const { rank, scale, a, segments } = lora;
  const [m = 0, k = 0] = x.shape;
  const input = lora.dropout === null ? x : dropout(tape, x, lora.dropout);
  const width = whole(rank, lora);
  const z = recorder.temporary('lora z', [m, width]);
  matMul(recorder, { a: input, b: a.value, c: z }, { m, n: width, k }, { transposeB: true });
  segments.forEach(({ start, width: n, b }, index) => {
    matMul(
      recorder,
      { a: z, b: b.value, c: y },
      { m, n, k: rank },
      {
        transposeB: true,
        scale,
        plus: 'result',
        a: { start: index * rank, stride: width },
        c: { start, stride: y.shape[1] ?? 0 },
      },
    );
  });
  return { input, z };
}

function sideGradients(tape: Tape, x: Value, dy: Value, lora: LoraPath, { input, z }: Side): void {
  const { recorder } = tape;
  const { rank, scale, a, segments } = lora;
  const [m = 0, k = 0] = x.shape;
  const width = whole(rank, lora);
  const dz = recorder.temporary('d lora z', [m, width]);
  segments.forEach(({ start, width: n, b }, index) => {
    const ofY = { start, stride: dy.shape[1] ?? 0 };
    const ofZ = { start: index * rank, stride: width };
    matMul(recorder, { a: dy, b: b.value, c: dz }, { m, n: rank, k: n }, { scale, a: ofY, c: ofZ });
    if (b.gradient === null) return;
    matMul(
      recorder,
      { a: dy, b: z, c: b.gradient },
      { m: n, n: rank, k: m },
      { transposeA: true, scale, plus: 'result', a: ofY, b: ofZ },
    );
  });
  if (a.gradient !== null) {
    const size = { m: width, n: k, k: m };
    matMul(recorder, { a: dz, b: input, c: a.gradient }, size, { transposeA: true, plus: 'result' });
  }
  if (!x.learns) return;
  const size = { m, n: k, k: width };
  if (lora.dropout === null) {
    const { value, adds } = tape.target(x);
    matMul(recorder, { a: dz, b: a.value, c: value }, size, { plus: adds ? 'result' : 'none' });
    return;
  }
  const dInput = recorder.temporary('d dropout', x.shape);
  matMul(recorder, { a: dz, b: a.value, c: dInput }, size);
  dropoutGradient(tape, dInput, tape.target(x), lora.dropout);
}
