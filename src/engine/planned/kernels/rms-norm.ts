// Root mean square normalisation (Zhang and Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * weight. Only the inverse root
// is kept for the way back.
import { float, linearGrid, reads, writes, type Kernel } from '../kernel';
import type { Parameter } from '../parameter';
import type { Value } from '../recorder';
import { each, once, reduced, rowKernel } from '../row-kernel';
import type { Tape } from '../tape';

interface NormShape {
  rows: number;
  size: number;
  lanes: number;
}

export function rmsNormKernel({ rows, size, lanes }: NormShape, epsilon: number): Kernel {
  return rowKernel(
    {
      name: 'rms-norm',
      rows,
      size,
      bindings: [reads('x'), reads('weight'), writes('y'), writes('inverse_rms')],
      body: `
  var squares = 0.0;
  ${each(size, lanes, 'let v = x[base + column]; squares = fma(v, v, squares);')}
  ${reduced('squares', lanes)}
  let inverse = inverseSqrt(squares / ${float(size)} + ${float(epsilon)});
  ${each(size, lanes, 'y[base + column] = x[base + column] * inverse * weight[column];')}
  ${once(lanes, 'inverse_rms[row] = inverse;')}`,
      flops: 4 * rows * size,
    },
    lanes,
  );
}

function inputGradientKernel({ rows, size, lanes }: NormShape, adds: boolean): Kernel {
  const store = adds ? 'dx[base + column] +=' : 'dx[base + column] =';
  return rowKernel(
    {
      name: `rms-norm dx${adds ? ' adds' : ''}`,
      rows,
      size,
      bindings: [reads('dy'), reads('x'), reads('weight'), reads('inverse_rms'), writes('dx')],
      body: `
  let inverse = inverse_rms[row];
  var dot = 0.0;
  ${each(size, lanes, 'dot = fma(dy[base + column] * weight[column], x[base + column], dot);')}
  ${reduced('dot', lanes)}
  let projection = dot * inverse * inverse / ${float(size)};
  ${each(
    size,
    lanes,
    `${store} inverse * (dy[base + column] * weight[column] - x[base + column] * projection);`,
  )}`,
      flops: 8 * rows * size,
    },
    lanes,
  );
}

function weightGradientKernel({ rows, size }: NormShape): Kernel {
  const grid = linearGrid(size, 8);
  return {
    name: `rms-norm dw ${rows}x${size}`,
    bindings: [reads('dy'), reads('x'), reads('inverse_rms'), writes('dw')],
    code: `${grid.signature} { ${grid.index}
  var sum = 0.0;
  for (var row = 0u; row < ${rows}u; row++) {
    sum = fma(dy[row * ${size}u + index] * x[row * ${size}u + index], inverse_rms[row], sum);
  }
  dw[index] += sum;
}`,
    workgroups: grid.workgroups,
    flops: 3 * rows * size,
  };
}

/** @param x [rows, size]; @param weight [size]. @returns the same shape as x. */
export function rmsNorm(tape: Tape, x: Value, weight: Parameter, epsilon: number): Value {
  const { recorder } = tape;
  const [rows = 0, size = 0] = x.shape;
  const shape: NormShape = { rows, size, lanes: recorder.traits.rowLanes };
  const y = recorder.temporary('norm', x.shape, x.learns || weight.gradient !== null);
  const inverse = recorder.temporary('inverse rms', [rows]);
  recorder.dispatch(rmsNormKernel(shape, epsilon), [x, weight.value, y, inverse]);
  tape.rule(() => {
    const dy = tape.gradient(y);
    if (dy === null) return;
    if (weight.gradient !== null) {
      recorder.dispatch(weightGradientKernel(shape), [dy, x, inverse, weight.gradient]);
    }
    if (!x.learns) return;
    const { value, adds } = tape.target(x);
    recorder.dispatch(inputGradientKernel(shape, adds), [dy, x, weight.value, inverse, value]);
  });
  return y;
}
