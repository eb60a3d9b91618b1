// The product for a few rows of A, as in decoding: bound by reading B once. Some lanes share the sum over k of four
// columns and add up their parts in workgroup memory; one lane alone where barriers are dear.
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
  type MatMulGrid,
  type MatMulShape,
  type VectorVariant,
} from './mat-mul-shape';

/** One step of four along k: the vectors `x` of A's rows by the columns `w` of B, transposed to vectors along k. */
function step({ m, transposeA, transposeB }: MatMulShape, aligned: boolean): string {
  const at = (x: 'a' | 'b', index: string): string => (aligned ? `${x}[(${index}) / 4u]` : `${x}4(${index})`);
  const columns = range(4).map((j) =>
    transposeB
      ? `select(vec4f(), ${at('b', `b_start + (column + ${j}u) * b_stride + p`)}, live)`
      : `select(vec4f(), ${at('b', `b_start + (p + ${j}u) * b_stride + column`)}, live[${j}])`,
  );
  const rows = range(m).map((i) => {
    // A given as [k, m] is not read often enough to be worth more than four single elements.
    const element = (j: number): string => {
      const index = `a_start + (p + ${j}u) * a_stride + ${i}u`;
      return aligned ? `a[(${index}) / 4u][(${index}) % 4u]` : `a[${index}]`;
    };
    const x = transposeA
      ? `vec4f(${range(4).map(element).join(', ')})`
      : at('a', `a_start + ${i}u * a_stride + p`);
    return `s${i} += ${transposeB ? `select(vec4f(), ${x}, live) * w` : `w * select(vec4f(), ${x}, live)`};`;
  });
  return `let live = vec4u(p, p + 1u, p + 2u, p + 3u) < vec4u(k);
let w = mat4x4f(${columns.join(',\n')});
${rows.join('\n')}`;
}

/** Halves the number of parts until lane 0 of each group of lanes has the sum. */
function addUp(m: number, lanes: number): string {
  if (lanes === 1) return '';
  return range(m)
    .map(
      (i) => `parts[local] = s${i};
workgroupBarrier();
for (var half = ${lanes / 2}u; half > 0u; half /= 2u) {
if (lane < half) { parts[local] += parts[local + half]; }
workgroupBarrier();
}
s${i} = parts[local];
workgroupBarrier();`,
    )
    .join('\n');
}

export const vectorGrid = ({ n, k }: MatMulShape): MatMulGrid => ({ across: Math.ceil(n / 4), depth: k });

export function vectorKernel(shape: MatMulShape, { lanes, workgroupSize }: VectorVariant): Kernel {
  const { m, n, k } = shape;
  const aligned = isAligned(shape);
  const perGroup = workgroupSize / lanes;
  const groups = Math.ceil(Math.ceil(n / 4) / perGroup);
  const x = Math.min(groups, 65_535);
  const stores = range(m).map((i) => store(shape, `s${i}[j]`, `c_start + ${i}u * c_stride + column + j`));
  return {
    name: matMulName(shape),
    bindings: matMulBindings(shape, { ab: aligned ? VECTORS : SCALARS, c: SCALARS }),
    code: `${aligned ? '' : LOAD_FOUR}
${lanes === 1 ? '' : `var<workgroup> parts: array<vec4f, ${workgroupSize}>;`}
@compute @workgroup_size(${workgroupSize})
fn main(
@builtin(workgroup_id) group: vec3<u32>,
@builtin(num_workgroups) groups: vec3<u32>,
@builtin(local_invocation_index) local: u32
) {
${UNPACK}
let lane = local % ${lanes}u;
let column = ((group.x + group.y * groups.x) * ${perGroup}u + local / ${lanes}u) * 4u;
${range(m)
  .map((i) => `var s${i} = vec4f();`)
  .join('\n')}
for (var p = lane * 4u; p < k; p += ${4 * lanes}u) {
${step(shape, aligned)}
}
${addUp(m, lanes)}
if (lane == 0u && column < n) {
let width = min(4u, n - column);
for (var j = 0u; j < width; j++) {
${stores.join('\n')}
}
}
}`,
    workgroups: [x, Math.ceil(groups / x), 1],
    flops: 2 * m * n * k,
  };
}
