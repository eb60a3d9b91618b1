// The product by register tiles whose rows the lanes of a subgroup share: each lane loads some vectors of A and hears the
// others from its neighbours, and has columns of its own. Takes a subgroup size that the device guarantees.
import type { Kernel } from '../kernel';
import {
  UNPACK,
  VECTORS,
  matMulBindings,
  matMulName,
  range,
  type MatMulGrid,
  type MatMulShape,
  type SubgroupVariant,
} from './mat-mul-shape';
import { rightBlocks, storeTile, walk } from './mat-mul-tile';

/** Columns of C that a workgroup computes. */
const groupColumns = ({ columns, workgroupSize }: SubgroupVariant): number => columns * workgroupSize;

/** One step of four along k needs as many vectors of A as the tile has rows; vector `v` is lane `v % lanes`'s. */
function multiply(shape: MatMulShape, { rows, columns, lanes }: SubgroupVariant): string {
  const { transposeA, transposeB } = shape;
  const a = walk('a', 'row', !transposeA, true);
  const b = walk('b', 'column', transposeB, true);
  const [above, beside] = [range(rows / 4), range(columns / 4)];
  const accumulators = above.flatMap((i) => beside.map((j) => `var s${i}_${j} = mat4x4f();`));
  const own = range(rows / lanes).map((t) => {
    const vector = `(${t * lanes}u + lane)`;
    const at = transposeA ? `pa + ${vector} % 4u * sa + ${vector} / 4u` : `pa + ${vector} * sa`;
    return `let own${t} = a[${at}];`;
  });
  const right = rightBlocks(columns, transposeB, true);
  const products = above.map((i) => {
    const heard = range(4).map((r) => {
      const vector = 4 * i + r;
      return `subgroupBroadcast(own${Math.floor(vector / lanes)}, ${vector % lanes}u)`;
    });
    const loaded = `mat4x4f(${heard.join(', ')})`;
    const sums = beside.map((j) => `s${i}_${j} += y${j} * x${i};`);
    return `let x${i} = ${transposeA ? `transpose(${loaded})` : loaded};\n${sums.join('\n')}`;
  });
  return `${accumulators.join('\n')}
${a.start}
${b.start}
for (var p = first; p < last; p += 4u) {
${own.join('\n')}
${right.join('\n')}
${products.join('\n')}
${a.step} ${b.step}
}`;
}

export function subgroupGrid({ n, k }: MatMulShape, variant: SubgroupVariant): MatMulGrid {
  return {
    across: Math.ceil(n / groupColumns(variant)),
    depth: Math.ceil(k / variant.splits / 4) * 4,
  };
}

/** For aligned shapes. A lane whose columns lie past the end goes on, for its neighbours need what it loads. */
export function subgroupKernel(shape: MatMulShape, variant: SubgroupVariant): Kernel {
  const { m, n, k } = shape;
  const { rows, columns, workgroupSize, splits } = variant;
  return {
    name: matMulName(shape),
    bindings: matMulBindings(shape, { ab: VECTORS, c: VECTORS }),
    enables: ['subgroups'],
    code: `@compute @workgroup_size(${workgroupSize})
fn main(
@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) local: u32,
@builtin(subgroup_invocation_id) lane: u32) {
${UNPACK}
let row = id.y * ${rows}u;
let first = id.z * depth;
let last = min(k, first + depth);
let column = (id.x * ${workgroupSize}u + local) * ${columns}u;
${multiply(shape, variant)}
if (column >= n) { return; }
${storeTile(shape, rows, columns, true)}
}`,
    workgroups: [Math.ceil(n / groupColumns(variant)), Math.ceil(m / rows), splits],
    flops: 2 * m * n * k,
  };
}
