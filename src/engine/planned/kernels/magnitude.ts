// DoRA (Liu et al. 2024): y = magnitude / norm * v by column, v = x W^T + scale (x A^T) B^T. The norms are the lengths of
// the rows of W + scale B A; whoever keeps the weights works them out, with the second half of this file, whenever they
// change. The gradient takes them as constants (section 4.3 of the paper).
import { float, linearGrid, reads, writes, type Kernel } from '../kernel';
import { partsOf, type Parameter } from '../parameter';
import { GROUP_SIZE } from '../quantise';
import type { Recorder, Value } from '../recorder';
import { each, once, reduced, rowKernel } from '../row-kernel';
import type { Tape } from '../tape';
import { giveGradient } from './elementwise';
import { matMul } from './mat-mul';

/** Columns of v that are adapted; their magnitudes follow those of the segments before. */
export interface MagnitudeSegment {
  start: number;
  width: number;
}

export interface Magnitudes {
  /** [columns of all segments] */
  magnitude: Parameter;
  /** The same shape. */
  norms: Value;
}

interface Placed extends MagnitudeSegment {
  /** Of the segment's first magnitude. */
  first: number;
}

function placed(segments: readonly MagnitudeSegment[]): Placed[] {
  let first = 0;
  return segments.map(({ start, width }) => {
    const segment = { start, width, first };
    first += width;
    return segment;
  });
}

const factorFunction = (segments: readonly Placed[]): string => `
fn factor(column: u32) -> f32 {
  ${segments
    .map(
      ({ start, width, first }) => `if (column >= ${start}u && column < ${start + width}u) {
    let at = column - ${start}u + ${first}u;
    return magnitude[at] / norms[at];
  }`,
    )
    .join('\n  ')}
  return 1.0;
}`;

/** result = factor * source (+ residual), by column of [rows, columns]. */
function stretchKernel(
  [rows = 0, columns = 0]: readonly number[],
  segments: readonly Placed[],
  residual: boolean,
): Kernel {
  const grid = linearGrid(rows * columns);
  return {
    name: `magnitude ${rows}x${columns}${residual ? ' residual' : ''}`,
    bindings: [
      reads('source'),
      reads('magnitude'),
      reads('norms'),
      ...(residual ? [reads('residual')] : []),
      writes('result'),
    ],
    code: `${factorFunction(segments)}
${grid.signature} { ${grid.index}
  result[index] = factor(index % ${columns}u) * source[index]${residual ? ' + residual[index]' : ''};
}`,
    workgroups: grid.workgroups,
    flops: 3 * rows * columns,
  };
}

/** By the magnitudes: sum over rows of dy * v / norm, on top of what is there. */
function magnitudeGradientKernel(
  [rows = 0, columns = 0]: readonly number[],
  segments: readonly Placed[],
): Kernel {
  const width = segments.reduce((sum, segment) => sum + segment.width, 0);
  const grid = linearGrid(width, 8);
  const columnOf = segments
    .map(({ start, first }) => `if (index >= ${first}u) { column = index - ${first}u + ${start}u; }`)
    .join('\n  ');
  return {
    name: `magnitude dm ${rows}x${columns}`,
    bindings: [reads('dy'), reads('v'), reads('norms'), writes('dm')],
    code: `${grid.signature} { ${grid.index}
  var column = 0u;
  ${columnOf}
  var sum = 0.0;
  for (var at = column; at < ${rows * columns}u; at += ${columns}u) { sum = fma(dy[at], v[at], sum); }
  dm[index] += sum / norms[index];
}`,
    workgroups: grid.workgroups,
    flops: 2 * rows * width,
  };
}

/** @param v [rows, columns], base and side path together. @returns the same shape, with the residual added. */
export function stretch(
  tape: Tape,
  v: Value,
  { magnitude, norms }: Magnitudes,
  columns: readonly MagnitudeSegment[],
  residual: Value | null,
): Value {
  const { recorder } = tape;
  const segments = placed(columns);
  const y = recorder.temporary('stretched', v.shape, true);
  const kernel = stretchKernel(v.shape, segments, residual !== null);
  const added = residual === null ? [] : [residual];
  recorder.dispatch(kernel, [v, magnitude.value, norms, ...added, y]);
  tape.rule(() => {
    const dy = tape.gradient(y);
    if (dy === null) return;
    if (magnitude.gradient !== null) {
      recorder.dispatch(magnitudeGradientKernel(v.shape, segments), [dy, v, norms, magnitude.gradient]);
    }
    const back = stretchKernel(v.shape, segments, false);
    recorder.dispatch(back, [dy, magnitude.value, norms, tape.target(v).value]);
    // Last: from here on the array of dy is the residual's gradient and will be added to.
    if (residual?.learns === true) giveGradient(tape, residual, dy);
  });
  return y;
}

/** A part of a weight with its side path. */
export interface AdaptedRows {
  weight: Parameter;
  /** Of the weight. */
  rows: MagnitudeSegment;
  /** A of several parts below each other, [parts * rank, in]. */
  a: Value;
  /** Which of these parts. */
  part: number;
  rank: number;
  /** [width, rank] */
  b: Value;
  scale: number;
  norms: Value;
  /** Where among the norms the part's begin. */
  first: number;
}

/** Keeps rows of zeros divisible. */
const LEAST_NORM = 1e-20;

/** Element `index` of the weight, whatever it is kept in. */
function loadFunction({ quantised }: Parameter): string {
  if (quantised === undefined) return 'fn load(index: u32) -> f32 { return weight[index]; }';
  const { bits } = quantised;
  if (bits === 16) {
    return 'fn load(index: u32) -> f32 { return unpack2x16float(weight[index / 2u])[index % 2u]; }';
  }
  const perWord = 32 / bits;
  return `fn load(index: u32) -> f32 {
  let word = weight[index / ${perWord}u];
  let level = bitcast<i32>(word << (${32 - bits}u - (index % ${perWord}u) * ${bits}u)) >> ${32 - bits}u;
  return f32(level) * scales[index / ${GROUP_SIZE}u];
}`;
}

interface NormRows {
  /** What can be bound of the weight. */
  weight: Parameter;
  /** Of it, the first row; of the side path's matrix; among the norms. */
  row: number;
  side: number;
  first: number;
  rows: number;
}

function normsKernel({ weight, row, side, first, rows }: NormRows, lanes: number): Kernel {
  const size = weight.value.shape[1] ?? 0;
  const { quantised } = weight;
  const element = `load(base + ${row * size}u + column) + side[base + ${side * size}u + column]`;
  return rowKernel(
    {
      name: `adapted norms${quantised === undefined ? '' : ` ${quantised.bits} bits`}`,
      rows,
      size,
      head: loadFunction(weight),
      bindings: [
        reads('weight', quantised === undefined ? 'array<f32>' : 'array<u32>'),
        ...((quantised?.scales ?? null) === null ? [] : [reads('scales')]),
        reads('side'),
        writes('norms'),
      ],
      body: `
  var squares = 0.0;
  ${each(size, lanes, `let v = ${element}; squares = fma(v, v, squares);`)}
  ${reduced('squares', lanes)}
  ${once(lanes, `norms[row + ${first}u] = max(sqrt(squares), ${float(LEAST_NORM)});`)}`,
      flops: 4 * rows * size,
    },
    lanes,
  );
}

/** norms[first + i] = |W_(start + i) + scale (B A)_i|. Takes [width, in] of the arena while it runs. */
export function adaptedNorms(recorder: Recorder, adapted: AdaptedRows): void {
  const { weight, rows, a, rank, b, scale, norms, first } = adapted;
  const size = weight.value.shape[1] ?? 0;
  const side = recorder.temporary('side path as a matrix', [rows.width, size]);
  const from = { start: adapted.part * rank * size, stride: size };
  matMul(recorder, { a: b, b: a, c: side }, { m: rows.width, n: size, k: rank }, { scale, b: from });
  for (const part of partsOf(weight)) {
    const start = Math.max(rows.start, part.row);
    const count = Math.min(rows.start + rows.width, part.row + part.rows) - start;
    if (count <= 0) continue;
    const before = start - rows.start;
    const range = { row: start - part.row, side: before, first: first + before, rows: count };
    const kernel = normsKernel({ weight: part, ...range }, recorder.traits.rowLanes);
    const scales = part.quantised?.scales ?? null;
    recorder.dispatch(kernel, [part.value, ...(scales === null ? [] : [scales]), side, norms]);
  }
}
