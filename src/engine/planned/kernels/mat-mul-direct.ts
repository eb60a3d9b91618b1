// The product by register tiles alone, no workgroup memory: right for adapters whose workgroup memory is ordinary memory.
import { spread, type Kernel } from '../kernel';
import {
  LOAD_FOUR,
  SCALARS,
  UNPACK,
  VECTORS,
  isAligned,
  matMulBindings,
  matMulName,
  range,
  type DirectVariant,
  type MatMulGrid,
  type MatMulShape,
} from './mat-mul-shape';
import { block, rightBlocks, storeTile, walk } from './mat-mul-tile';

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
  const right = rightBlocks(columns, transposeB, aligned);
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

export function directGrid({ n, k }: MatMulShape, { columns, splits }: DirectVariant): MatMulGrid {
  return { across: Math.ceil(n / columns), depth: Math.ceil(k / splits / 4) * 4 };
}

/** Reads past the tile's part of A and B only make results that are not stored. */
export function directKernel(shape: MatMulShape, variant: DirectVariant): Kernel {
  const { m, n, k } = shape;
  const { rows, columns, workgroupSize, splits } = variant;
  const aligned = isAligned(shape);
  const [x, y] = spread(Math.ceil((Math.ceil(m / rows) * Math.ceil(n / columns)) / workgroupSize));
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
    workgroups: [x, y, splits],
    flops: 2 * m * n * k,
  };
}
