// Products with a weight, whatever it is kept in, and one range of its rows after the other where it is in parts.
import { partsOf, type Parameter, type ParameterPart } from '../parameter';
import type { Recorder, Value } from '../recorder';
import type { GradientTarget } from '../tape';
import { matMul } from './mat-mul';
import { matMulQuantised } from './mat-mul-quantised';

/** y = x W^T (+ residual). @param x [rows, in]; @param weight [out, in]; @param y [rows, out]. */
export function weightProduct(
  recorder: Recorder,
  x: Value,
  weight: Parameter,
  y: Value,
  residual: Value | null = null,
): void {
  const [rows = 0, k = 0] = x.shape;
  const extra = residual === null ? {} : { residual };
  for (const { value, quantised, row, rows: n } of partsOf(weight)) {
    const place = columnsOf(weight, row);
    if (quantised === undefined) {
      const operands = { a: x, b: value, c: y, ...extra };
      matMul(recorder, operands, { m: rows, n, k }, { transposeB: true, c: place });
      continue;
    }
    const plus = residual === null ? 'none' : 'residual';
    const operands = { x, words: value, form: quantised, result: y, ...extra };
    matMulQuantised(recorder, operands, { rows, direction: 'forward', plus, y: place });
  }
}

/** dx = dy W, or on top of what dx holds. @param dy [rows, out]; dx is [rows, in]. */
export function inputGradient(
  recorder: Recorder,
  dy: Value,
  weight: Parameter,
  { value: dx, adds }: GradientTarget,
): void {
  const [rows = 0] = dy.shape;
  for (const { value, quantised, row, rows: k } of partsOf(weight)) {
    const place = columnsOf(weight, row);
    const plus = adds || row > 0 ? 'result' : 'none';
    if (quantised === undefined) {
      const size = { m: rows, n: value.shape[1] ?? 0, k };
      matMul(recorder, { a: dy, b: value, c: dx }, size, { plus, a: place });
      continue;
    }
    const operands = { x: dy, words: value, form: quantised, result: dx };
    matMulQuantised(recorder, operands, { rows, direction: 'back', plus, x: place });
  }
}

/** dW += dy^T x, where W learns. @param dy [rows, out]; @param x [rows, in]. */
export function weightGradient(recorder: Recorder, dy: Value, x: Value, weight: Parameter): void {
  const [rows = 0, n = 0] = x.shape;
  for (const { gradient, row, rows: m } of partsOf(weight)) {
    if (gradient === null) continue;
    const place = columnsOf(weight, row);
    const size = { m, n, k: rows };
    matMul(recorder, { a: dy, b: x, c: gradient }, size, { transposeA: true, plus: 'result', a: place });
  }
}

/** Columns of y or dy that belong to the part of the weight that begins at `row`. */
const columnsOf = ({ value }: Parameter, row: ParameterPart['row']): { start: number; stride: number } => ({
  start: row,
  stride: value.shape[0] ?? 0,
});

/** @throws Error for a weight in few bits that is to learn: its steps are smaller than its levels. */
export function checkLearns({ value, gradient, quantised }: Parameter): void {
  if (quantised === undefined || gradient === null) return;
  throw new Error(`${value.name} is kept in ${quantised.bits} bits and has no gradient.`);
}
