// Root mean square norms of each query and key head by itself (Henry et al. 2020, as Qwen3 and Gemma 3 have them), on the packed
// projection: value heads pass through. The gradients of the two weights are sums over all tokens and heads.
import { float, linearGrid, reads, writes, type Kernel } from '../kernel';
import type { Parameter } from '../parameter';
import type { Value } from '../recorder';
import { each, once, reduced, rowKernel } from '../row-kernel';
import type { Tape } from '../tape';
import type { RopeShape } from './rope';

interface HeadNormShape extends RopeShape {
  tokens: number;
  lanes: number;
}

export interface HeadNormWeights {
  /** [headSize] */
  q: Parameter;
  /** [headSize] */
  k: Parameter;
}

/** Heads of a token, those of values included. */
const headsOf = ({ heads, kvHeads }: RopeShape): number => heads + 2 * kvHeads;

/** A row is one head of one token. */
const place = (shape: RopeShape): string => `
  let head = row % ${headsOf(shape)}u;
  let is_query = head < ${shape.heads}u;
  let is_normed = head < ${shape.heads + shape.kvHeads}u;`;

const WEIGHT = 'let w = select(k_weight[column], q_weight[column], is_query);';

function headNormKernel(shape: HeadNormShape, epsilon: number): Kernel {
  const { tokens, headSize, lanes } = shape;
  return rowKernel(
    {
      name: `head-norm ${shape.heads}+${shape.kvHeads}`,
      rows: tokens * headsOf(shape),
      size: headSize,
      bindings: [reads('qkv'), reads('q_weight'), reads('k_weight'), writes('y'), writes('inverse_rms')],
      body: `${place(shape)}
  var squares = 0.0;
  ${each(headSize, lanes, 'let v = qkv[base + column]; squares = fma(v, v, squares);')}
  ${reduced('squares', lanes)}
  let inverse = inverseSqrt(squares / ${float(headSize)} + ${float(epsilon)});
  ${each(
    headSize,
    lanes,
    `${WEIGHT} let v = qkv[base + column]; y[base + column] = select(v, v * inverse * w, is_normed);`,
  )}
  ${once(lanes, 'inverse_rms[row] = inverse;')}`,
      flops: 4 * tokens * headsOf(shape) * headSize,
    },
    lanes,
  );
}

function inputGradientKernel(shape: HeadNormShape): Kernel {
  const { tokens, headSize, lanes } = shape;
  return rowKernel(
    {
      name: `head-norm dx ${shape.heads}+${shape.kvHeads}`,
      rows: tokens * headsOf(shape),
      size: headSize,
      bindings: [
        ...[reads('dy'), reads('qkv'), reads('q_weight'), reads('k_weight'), reads('inverse_rms')],
        writes('dx'),
      ],
      body: `${place(shape)}
  let inverse = inverse_rms[row];
  var dot = 0.0;
  ${each(headSize, lanes, `${WEIGHT} dot = fma(dy[base + column] * w, qkv[base + column], dot);`)}
  ${reduced('dot', lanes)}
  let projection = dot * inverse * inverse / ${float(headSize)};
  ${each(
    headSize,
    lanes,
    `${WEIGHT} let d = dy[base + column];
    dx[base + column] = select(d, inverse * (d * w - qkv[base + column] * projection), is_normed);`,
  )}`,
      flops: 8 * tokens * headsOf(shape) * headSize,
    },
    lanes,
  );
}

/** @param first of the heads that share the weight; @param count of them. */
function weightGradientKernel(shape: HeadNormShape, first: number, count: number): Kernel {
  const { tokens, headSize } = shape;
  const grid = linearGrid(headSize, 8);
  return {
    name: `head-norm dw ${tokens}x${headsOf(shape)}x${headSize} ${first}+${count}`,
    bindings: [reads('dy'), reads('qkv'), reads('inverse_rms'), writes('dw')],
    code: `${grid.signature} { ${grid.index}
  var sum = 0.0;
  for (var token = 0u; token < ${tokens}u; token++) {
    for (var head = ${first}u; head < ${first + count}u; head++) {
      let row = token * ${headsOf(shape)}u + head;
      let at = row * ${headSize}u + index;
      sum = fma(dy[at] * qkv[at], inverse_rms[row], sum);
    }
  }
  dw[index] += sum;
}`,
    workgroups: grid.workgroups,
    flops: 3 * tokens * count * headSize,
  };
}

/** @param qkv [tokens, (heads + 2 * kvHeads) * headSize], not rotated. @returns the same shape. */
export function headNorm(
  tape: Tape,
  qkv: Value,
  { q, k }: HeadNormWeights,
  sizes: RopeShape,
  epsilon: number,
): Value {
  const { recorder } = tape;
  const [tokens = 0] = qkv.shape;
  const { heads, kvHeads, headSize } = sizes;
  const shape: HeadNormShape = { heads, kvHeads, headSize, tokens, lanes: recorder.traits.rowLanes };
  const learns = qkv.learns || q.gradient !== null || k.gradient !== null;
  const y = recorder.temporary('normed heads', qkv.shape, learns);
  const inverse = recorder.temporary('inverse rms of heads', [tokens * headsOf(shape)]);
  recorder.dispatch(headNormKernel(shape, epsilon), [qkv, q.value, k.value, y, inverse]);
  tape.rule(() => {
    const dy = tape.gradient(y);
    if (dy === null) return;
    for (const [{ gradient }, first, count] of [
      [q, 0, heads],
      [k, heads, kvHeads],
    ] as const) {
      if (gradient === null) continue;
      recorder.dispatch(weightGradientKernel(shape, first, count), [dy, qkv, inverse, gradient]);
    }
    if (!qkv.learns) return;
    const { value, adds } = tape.target(qkv);
    if (adds) throw new Error('headNorm writes the whole gradient; something gave one before.');
    recorder.dispatch(inputGradientKernel(shape), [dy, qkv, q.value, k.value, inverse, value]);
  });
  return y;
}
