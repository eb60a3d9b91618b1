// The product by register tiles alone, no workgroup memory: right for adapters whose workgroup memory is ordinary memory.
// The tile is kept as 4x4 matrices because the compiler handles one matrix product faster than its 64 multiply-adds, and
// passes through a private array on its way out because a loop of stores compiles faster than the stores.
import type { Kernel } from '../kernel';
import {
  LOAD_FOUR,
  SCALARS,
  UNPACK,
  VECTORS,
  isAligned,
  matMulBindings,
  matMulName,
  range,
  store,
  type DirectVariant,
  type MatMulGrid,
  type MatMulShape,
} from './mat-mul-shape';

/** Largest grid of one dimension on every WebGPU device. */
const MAX_WORKGROUPS = 65_535;

/**
 * Four vectors of an operand for one step of four along k, one after the other in memory by `stride`.
 * @param alongK whether the four elements of a vector are of one row and four k, or of one k and four rows.
 */
function block(operand: 'a' | 'b', offset: number, alongK: boolean, aligned: boolean): string {
  const x = operand;
  const vectors = range(4).map((i) => {
    const scale = aligned ? 1 : 4;
    const at = alongK ? `p${x} + ${offset + i}u * s${x}` : `p${x} + ${i}u * s${x} + ${(offset / 4) * scale}u`;
    if (aligned) return `${x}[${at}]`;
    // What lies past the end of k is another row's, or nobody's: not even zero times it is zero.
    return `select(vec4f(), ${x}4(${at}), ${alongK ? 'live' : `live[${i}]`})`;
  });
  return `mat4x4f(${vectors.join(', ')})`;
}

/** Base index `p` of an operand's tile, its stride `s`, and the step of `p` along k. */
function walk(
  operand: 'a' | 'b',
  tile: string,
  alongK: boolean,
  aligned: boolean,
): { start: string; step: string } {
  const x = operand;
  const unit = aligned ? ' / 4u' : '';
  const start = alongK
    ? `(${x}_start + ${tile} * ${x}_stride + first)${unit}`
    : `(${x}_start + first * ${x}_stride + ${tile})${unit}`;
  return {
    start: `let s${x} = ${x}_stride${unit}; var p${x} = ${start};`,
    step: `p${x} += ${alongK ? (aligned ? '1u' : '4u') : `4u * s${x}`};`,
  };
}

function multiply(
  { transposeA, transposeB }: MatMulShape,
  rows: number,
  columns: number,
  aligned: boolean,
): string {
  const a = walk('a', 'row', !transposeA, aligned);
  const b = walk('b', 'column', transposeB, aligned);
  const [above, beside] = [range(rows / 4), range(columns / 4)];
  const accumulators = above.flatMap((i) => beside.map((j) => `var s${i}_${j} = mat4x4f();`));
  const right = beside.map((j) => {
    const loaded = block('b', 4 * j, transposeB, aligned);
    return `let y${j} = ${transposeB ? `transpose(${loaded})` : loaded};`;
  });
  const products = above.map((i) => {
    const loaded = block('a', 4 * i, !transposeA, aligned);
    const sums = beside.map((j) => `s${i}_${j} += y${j} * x${i};`);
    return `let x${i} = ${transposeA ? `transpose(${loaded})` : loaded};\n${sums.join('\n')}`;
  });
  return `${accumulators.join('\n')}
${a.start}
${b.start}
for (var p = first; p < last; p += 4u) {
${aligned ? '' : 'let live = vec4u(p, p + 1u, p + 2u, p + 3u) < vec4u(last);'}
${right.join('\n')}
${products.join('\n')}
${a.step} ${b.step}
}`;
}

function storeTile(shape: MatMulShape, rows: number, columns: number, aligned: boolean): string {
  const beside = columns / 4;
  const kept = range(rows).flatMap((i) =>
    range(beside).map((j) => `t[${i * beside + j}] = s${i >> 2}_${j}[${i % 4}];`),
  );
  const row = 'c_start + id.z * m * n + (row + i) * c_stride + column';
  const value = aligned ? `t[i * ${beside}u + j]` : `t[i * ${beside}u + j / 4u][j % 4u]`;
  const width = aligned ? `min(${beside}u, (n - column) / 4u)` : `min(${columns}u, n - column)`;
  return `var t: array<vec4f, ${rows * beside}>;
${kept.join('\n')}
let height = min(${rows}u, m - row);
let width = ${width};
for (var i = 0u; i < height; i++) {
for (var j = 0u; j < width; j++) ${store(shape, value, aligned ? `(${row}) / 4u + j` : `${row} + j`)}
}`;
}

export function directGrid({ n, k }: MatMulShape, { columns, splits }: DirectVariant): MatMulGrid {
  return { across: Math.ceil(n / columns), depth: Math.ceil(k / splits / 4) * 4 };
}

/** Reads past the tile's part of A and B only make results that are not stored. */
export function directKernel(shape: MatMulShape, variant: DirectVariant): Kernel {
  const { m, n, k } = shape;
  const { rows, columns, workgroupSize, splits } = variant;
  const aligned = isAligned(shape);
  const groups = Math.ceil((Math.ceil(m / rows) * Math.ceil(n / columns)) / workgroupSize);
  const x = Math.min(groups, MAX_WORKGROUPS);
  const type = aligned ? VECTORS : SCALARS;
  return {
    name: matMulName(shape),
    bindings: matMulBindings(shape, { ab: type, c: type }),
    code: `${aligned ? '' : LOAD_FOUR}
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
${UNPACK}
let tile = id.x + id.y * groups.x * ${workgroupSize}u;
let row = tile / across * ${rows}u;
if (row >= m) { return; }
let column = tile % across * ${columns}u;
let first = id.z * depth;
let last = min(k, first + depth);
${multiply(shape, rows, columns, aligned)}
${storeTile(shape, rows, columns, aligned)}
}`,
    workgroups: [x, Math.ceil(groups / x), splits],
    flops: 2 * m * n * k,
  };
}
