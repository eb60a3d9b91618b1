// Products with a weight, whatever it is kept in.
import type { Parameter } from '../parameter';
import type { Recorder, Value } from '../recorder';
import type { GradientTarget } from '../tape';
import { matMul } from './mat-mul';
import { matMulQuantised } from './mat-mul-quantised';

/** y = x W^T (+ residual). @param x [rows, in]; @param weight [out, in]; @param y [rows, out]. */
export function weightProduct(
  recorder: Recorder,
  x: Value,
  { value, quantised }: Parameter,
  y: Value,
  residual: Value | null = null,
): void {
  const [rows = 0, k = 0] = x.shape;
  const extra = residual === null ? {} : { residual };
  if (quantised === undefined) {
    const size = { m: rows, n: value.shape[0] ?? 0, k };
    matMul(recorder, { a: x, b: value, c: y, ...extra }, size, { transposeB: true });
    return;
  }
  const plus = residual === null ? 'none' : 'residual';
  const operands = { x, words: value, form: quantised, result: y, ...extra };
  matMulQuantised(recorder, operands, { rows, direction: 'forward', plus });
}

/** dx = dy W, or on top of what dx holds. @param dy [rows, out]; dx is [rows, in]. */
export function inputGradient(
  recorder: Recorder,
  dy: Value,
  { value, quantised }: Parameter,
  { value: dx, adds }: GradientTarget,
): void {
  const [rows = 0, k = 0] = dy.shape;
  const plus = adds ? 'result' : 'none';
  if (quantised === undefined) {
    matMul(recorder, { a: dy, b: value, c: dx }, { m: rows, n: value.shape[1] ?? 0, k }, { plus });
    return;
  }
  const operands = { x: dy, words: value, form: quantised, result: dx };
  matMulQuantised(recorder, operands, { rows, direction: 'back', plus });
}

/** @throws Error for a weight in few bits that is to learn: its steps are smaller than its levels. */
export function checkLearns({ value, gradient, quantised }: Parameter): void {
  if (quantised === undefined || gradient === null) return;
  throw new Error(`${value.name} is kept in ${quantised.bits} bits and has no gradient.`);
}
