// Layer normalisation (Ba et al. 2016): y = (x - mean) / sqrt(variance + eps) * weight + bias. Mean and inverse deviation
// of each row are kept for the way back.
import { float, linearGrid, reads, writes, type Kernel } from '../kernel';
import type { Parameter } from '../parameter';
import type { Value } from '../recorder';
import { each, once, reduced, rowKernel } from '../row-kernel';
import type { Tape } from '../tape';
import { addColumnSums } from './bias';

interface NormShape {
  rows: number;
  size: number;
  lanes: number;
}

/** The variance is summed over differences from the mean: squares minus the mean's square would cancel. */
function layerNormKernel({ rows, size, lanes }: NormShape, epsilon: number, biased: boolean): Kernel {
  const bias = biased ? ' + bias[column]' : '';
  return rowKernel(
    {
      name: 'layer-norm',
      rows,
      size,
      bindings: [
        reads('x'),
        reads('weight'),
        ...(biased ? [reads('bias')] : []),
        writes('y'),
        writes('means'),
        writes('inverses'),
      ],
      body: `
  var sum = 0.0;
  ${each(size, lanes, 'sum += x[base + column];')}
  ${reduced('sum', lanes)}
  let mean = sum / ${float(size)};
  var squares = 0.0;
  ${each(size, lanes, 'let d = x[base + column] - mean; squares = fma(d, d, squares);')}
  ${reduced('squares', lanes)}
  let inverse = inverseSqrt(squares / ${float(size)} + ${float(epsilon)});
  ${each(size, lanes, `y[base + column] = (x[base + column] - mean) * inverse * weight[column]${bias};`)}
  ${once(lanes, 'means[row] = mean; inverses[row] = inverse;')}`,
      flops: 8 * rows * size,
    },
    lanes,
  );
}

/** dx = inverse * (d - mean(d) - n * mean(d * n)), d = dy * weight, n what was normalised. */
function inputGradientKernel({ rows, size, lanes }: NormShape, adds: boolean): Kernel {
  const both = `let d = dy[base + column] * weight[column];
    let n = (x[base + column] - mean) * inverse;`;
  return rowKernel(
    {
      name: `layer-norm dx${adds ? ' adds' : ''}`,
      rows,
      size,
      bindings: [reads('dy'), reads('x'), reads('weight'), reads('means'), reads('inverses'), writes('dx')],
      body: `
  let mean = means[row];
  let inverse = inverses[row];
  var sum = 0.0;
  var dot = 0.0;
  ${each(size, lanes, `${both} sum += d; dot = fma(d, n, dot);`)}
  ${reduced('sum', lanes)}
  ${reduced('dot', lanes)}
  let shift = sum / ${float(size)};
  let projection = dot / ${float(size)};
  ${each(size, lanes, `${both} dx[base + column] ${adds ? '+=' : '='} inverse * (d - shift - n * projection);`)}`,
      flops: 14 * rows * size,
    },
    lanes,
  );
}

function weightGradientKernel({ rows, size }: NormShape): Kernel {
  const grid = linearGrid(size, 8);
  return {
    name: `layer-norm dw ${rows}x${size}`,
    bindings: [reads('dy'), reads('x'), reads('means'), reads('inverses'), writes('dw')],
    code: `${grid.signature} { ${grid.index}
  var sum = 0.0;
  for (var row = 0u; row < ${rows}u; row++) {
    let at = row * ${size}u + index;
    sum = fma(dy[at] * (x[at] - means[row]), inverses[row], sum);
  }
  dw[index] += sum;
}`,
    workgroups: grid.workgroups,
    flops: 4 * rows * size,
  };
}

export interface LayerNormWeights {
  /** [size] */
  weight: Parameter;
  /** [size]; null where there is none. */
  bias: Parameter | null;
}

/** @param x [rows, size]. @returns the same shape. */
export function layerNorm(tape: Tape, x: Value, { weight, bias }: LayerNormWeights, epsilon: number): Value {
  const { recorder } = tape;
  const [rows = 0, size = 0] = x.shape;
  const shape: NormShape = { rows, size, lanes: recorder.traits.rowLanes };
  const trains = weight.gradient !== null || (bias?.gradient ?? null) !== null;
  const y = recorder.temporary('layer norm', x.shape, x.learns || trains);
  const [means, inverses] = [recorder.temporary('means', [rows]), recorder.temporary('inverses', [rows])];
  const added = bias === null ? [] : [bias.value];
  const kernel = layerNormKernel(shape, epsilon, bias !== null);
  recorder.dispatch(kernel, [x, weight.value, ...added, y, means, inverses]);
  tape.rule(() => {
    const dy = tape.gradient(y);
    if (dy === null) return;
    if (weight.gradient !== null) {
      recorder.dispatch(weightGradientKernel(shape), [dy, x, means, inverses, weight.gradient]);
    }
    if (bias !== null && bias.gradient !== null) addColumnSums(recorder, dy, bias.gradient);
    if (!x.learns) return;
    const { value, adds } = tape.target(x);
    recorder.dispatch(inputGradientKernel(shape, adds), [dy, x, weight.value, means, inverses, value]);
  });
  return y;
}
