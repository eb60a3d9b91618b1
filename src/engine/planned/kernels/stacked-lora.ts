// LoRA side paths of a batch whose rows belong to different adapters: adapters lie in slots of one array, a table says where
// each slot has the matrices of each projection, and every row reads its own. First z = scale * x A^T, then y += z B^T, for
// all projections of a product at once. A row without an adapter, or without that projection in it, is left as it is.
import { float, linearGrid, reads, writes, type Kernel } from '../kernel';
import type { Recorder, Value } from '../recorder';
import { each, once, reduced, rowKernel } from '../row-kernel';
import type { Norm } from './fused-product';

/** Slot of a row that has no adapter. */
export const NO_ADAPTER = 0xffff_ffff;
/** Numbers of a table entry: where A and B begin, the rank (0 where there is none), the scale as f32. */
export const STACK_FIELDS = 4;

/** Consecutive entries of a slot's part of the table, in the order of the product's columns. */
export interface StackedSite {
  /** First entry. */
  first: number;
  /** Columns of each projection. */
  widths: readonly number[];
}

export interface LoraStack {
  /** u32 [slots, entries, STACK_FIELDS]; places count elements from the start of `matrices`. */
  table: Value;
  /** Of a slot. */
  entries: number;
  /** f32, of all slots: A [rank, in] and B [out, rank] of each projection. */
  matrices: Value;
  /** u32 [rows]: slot, or NO_ADAPTER. */
  slots: Value;
  /** At least that of every adapter in the stack. */
  rank: number;
}

const TABLE = 'array<vec4<u32>>';

/** Declares `info` of the row's projection `p`, with rank 0 where it has none. */
const lookUp = (entries: number, first: number): string => `
  let slot = slots[token];
  var info = vec4u();
  if (slot != ${NO_ADAPTER}u) { info = table[slot * ${entries}u + ${first}u + p]; }`;

interface Shape {
  rows: number;
  in: number;
  projections: number;
  rank: number;
  entries: number;
  first: number;
}

function downKernel(
  { rows, in: size, projections, rank, entries, first }: Shape,
  norm: Norm | null,
  lanes: number,
): Kernel {
  const value = norm === null ? 'v' : 'v * norm[column]';
  const squares = norm === null ? '' : 'squares = fma(v, v, squares);';
  const scale = norm === null ? '' : ` * inverseSqrt(squares / ${float(size)} + ${float(norm.epsilon)})`;
  return rowKernel(
    {
      name: `stacked lora down${norm === null ? '' : ' normed'} of ${projections}`,
      rows: rows * projections * rank,
      size,
      bindings: [
        reads('x'),
        ...(norm === null ? [] : [reads('norm')]),
        ...[reads('slots', 'array<u32>'), reads('table', TABLE), reads('matrices'), writes('z')],
      ],
      body: `
  let token = row / ${projections * rank}u;
  let p = row / ${rank}u % ${projections}u;
  let r = row % ${rank}u;
  ${lookUp(entries, first)}
  let isOn = r < info.z;
  let start = info.x + r * ${size}u;
  var sum = 0.0;
  var squares = 0.0;
  if (isOn) {
    ${each(size, lanes, `let v = x[token * ${size}u + column]; ${squares} sum = fma(${value}, matrices[start + column], sum);`)}
  }
  ${reduced('sum', lanes)}
  ${norm === null ? '' : reduced('squares', lanes)}
  ${once(lanes, `z[row] = select(0.0, sum * bitcast<f32>(info.w)${scale}, isOn);`)}`,
      flops: 2 * rows * projections * rank * size,
    },
    lanes,
  );
}

function upKernel({ rows, projections, rank, entries, first }: Shape, widths: readonly number[]): Kernel {
  const out = widths.reduce((sum, width) => sum + width, 0);
  const grid = linearGrid(rows * out);
  let start = 0;
  const borders = widths.slice(0, -1).map((width, index) => {
    start += width;
    return `if (column >= ${start}u) { p = ${index + 1}u; start = ${start}u; }`;
  });
  return {
    name: `stacked lora up ${rows}x${out}`,
    bindings: [
      ...[reads('slots', 'array<u32>'), reads('table', TABLE), reads('z'), reads('matrices')],
      writes('y'),
    ],
    code: `${grid.signature} { ${grid.index}
  let token = index / ${out}u;
  let column = index % ${out}u;
  var p = 0u;
  var start = 0u;
  ${borders.join('\n  ')}
  ${lookUp(entries, first)}
  let begin = (token * ${projections}u + p) * ${rank}u;
  let line = info.y + (column - start) * info.z;
  var sum = 0.0;
  for (var r = 0u; r < info.z; r++) { sum = fma(z[begin + r], matrices[line + r], sum); }
  if (info.z > 0u) { y[index] += sum; }
}`,
    workgroups: grid.workgroups,
    flops: 2 * rows * out * rank,
  };
}

/** Adds the side paths of x, normed first where there is a norm, to y. @param x [rows, in]; @param y [rows, out]. */
export function addStackedLora(
  recorder: Recorder,
  x: Value,
  norm: Norm | null,
  stack: LoraStack,
  site: StackedSite,
  y: Value,
): void {
  const [rows = 0, input = 0] = x.shape;
  const { table, entries, matrices, slots, rank } = stack;
  const shape: Shape = {
    ...{ rows, in: input, projections: site.widths.length, rank, entries },
    first: site.first,
  };
  const z = recorder.temporary('stacked lora z', [rows, shape.projections * rank]);
  const norms = norm === null ? [] : [norm.weight.value];
  const down = downKernel(shape, norm, recorder.traits.rowLanes);
  recorder.dispatch(down, [x, ...norms, slots, table, matrices, z]);
  recorder.dispatch(upKernel(shape, site.widths), [slots, table, z, matrices, y]);
}
