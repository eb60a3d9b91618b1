// The product for a few rows of A, as in decoding: bound by reading B once. Each invocation keeps some columns of C for all
// rows, so what it loads of B is used for every row. Some lanes share the sum over k and add up their parts in workgroup
// memory; one lane alone where barriers are dear.
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
  store,
  type MatMulGrid,
  type MatMulShape,
  type VectorVariant,
} from './mat-mul-shape';

/** Four elements from `index` on; those past the end of k count as zero where sizes are not multiples of four. */
function load(x: 'a' | 'b', index: string, aligned: boolean, live: string): string {
  return aligned ? `${x}[(${index}) / 4u]` : `select(vec4f(), ${x}4(${index}), ${live})`;
}

/** The vector of row `i` of A at `p`, along k. */
function rowVector({ transposeA }: MatMulShape, i: number, aligned: boolean): string {
  if (!transposeA) return load('a', `a_start + ${i}u * a_stride + p`, aligned, 'live');
  // A given as [k, m] is not read often enough to be worth more than four single elements.
  const elements = range(4).map((j) => {
    const index = `a_start + (p + ${j}u) * a_stride + ${i}u`;
    return aligned ? `a[(${index}) / 4u][(${index}) % 4u]` : `a[${index}]`;
  });
  const vector = `vec4f(${elements.join(', ')})`;
  return aligned ? vector : `select(vec4f(), ${vector}, live)`;
}

/** The vector of a column of B given as [n, k]; `column0` and so on are what `columnStarts` declares. */
const alongColumn = (j: number, aligned: boolean): string =>
  aligned ? `b[column${j} + p / 4u]` : load('b', `column${j} + p`, false, 'live');

/** One step of four along k: B in vectors along k, one for each column, or along n, one for each of the four. */
function step(shape: MatMulShape, aligned: boolean, columns: number): string {
  const { m, transposeB } = shape;
  const rows = range(m).map((i) => `let x${i} = ${rowVector(shape, i, aligned)};`);
  const quads = range(columns / 4).flatMap((quad) => {
    const vectors = range(4).map((j) =>
      transposeB
        ? alongColumn(4 * quad + j, aligned)
        : load('b', `b_start + (p + ${j}u) * b_stride + column + ${4 * quad}u`, aligned, `live[${j}]`),
    );
    const w = `w${quad}`;
    const product = (i: number): string => (transposeB ? `x${i} * ${w}` : `${w} * x${i}`);
    return [
      `let ${w} = mat4x4f(${vectors.join(',\n')});`,
      ...range(m).map((i) => `s${i}_${quad} += ${product(i)};`),
    ];
  });
  const live = aligned ? '' : 'let live = vec4u(p, p + 1u, p + 2u, p + 3u) < vec4u(k);';
  return [live, ...rows, ...quads].join('\n');
}

/** Where the columns of an invocation begin in B; past the last column it is the last one again. */
function columnStarts({ transposeB }: MatMulShape, aligned: boolean, columns: number): string {
  if (!transposeB) return '';
  const unit = aligned ? ' / 4u' : '';
  return range(columns)
    .map((j) => `let column${j} = (b_start + min(column + ${j}u, n - 1u) * b_stride)${unit};`)
    .join('\n');
}

/**
 * Halves the number of parts until lane 0 of each group of lanes has the sums: vectors, added up in `parts`, which has
 * room for one of each invocation.
 */
export function addUp(
  sums: readonly string[],
  { lanes, workgroupSize }: Pick<VectorVariant, 'lanes' | 'workgroupSize'>,
): string {
  if (lanes === 1) return '';
  const part = (index: number): string => `parts[local + ${index * workgroupSize}u]`;
  const other = (index: number): string => `parts[local + half + ${index * workgroupSize}u]`;
  return `${sums.map((sum, index) => `${part(index)} = ${sum};`).join('\n')}
workgroupBarrier();
for (var half = ${lanes / 2}u; half > 0u; half /= 2u) {
if (lane < half) {
${sums.map((_, index) => `${part(index)} += ${other(index)};`).join('\n')}
}
workgroupBarrier();
}
${sums.map((sum, index) => `${sum} = ${part(index)};`).join('\n')}`;
}

/** Sums pass through a private array on their way out: a loop of stores compiles faster than the stores. */
function storeSums(shape: MatMulShape, columns: number): string {
  const quads = columns / 4;
  const kept = range(shape.m).flatMap((i) =>
    range(quads).map((quad) => `t[${i * quads + quad}] = s${i}_${quad};`),
  );
  return `var t: array<vec4f, ${shape.m * quads}>;
${kept.join('\n')}
let width = min(${columns}u, n - column);
for (var i = 0u; i < m; i++) {
for (var j = 0u; j < width; j++) ${store(shape, `t[i * ${quads}u + j / 4u][j % 4u]`, 'c_start + i * c_stride + column + j')}
}`;
}

export const vectorGrid = ({ n, k }: MatMulShape, { columns }: VectorVariant): MatMulGrid => ({
  across: Math.ceil(n / columns),
  depth: k,
});

export function vectorKernel(shape: MatMulShape, variant: VectorVariant): Kernel {
  const { lanes, workgroupSize, columns } = variant;
  const { m, n, k } = shape;
  const aligned = isAligned(shape);
  const perGroup = workgroupSize / lanes;
  const groups = Math.ceil(Math.ceil(n / columns) / perGroup);
  const sums = range(m).flatMap((i) => range(columns / 4).map((quad) => `s${i}_${quad}`));
  return {
    name: matMulName(shape),
    bindings: matMulBindings(shape, { ab: aligned ? VECTORS : SCALARS, c: SCALARS }),
    code: `${aligned ? '' : LOAD_FOUR}
${lanes === 1 ? '' : `var<workgroup> parts: array<vec4f, ${sums.length * workgroupSize}>;`}
@compute @workgroup_size(${workgroupSize})
fn main(
@builtin(workgroup_id) group: vec3<u32>,
@builtin(num_workgroups) groups: vec3<u32>,
@builtin(local_invocation_index) local: u32
) {
${UNPACK}
let lane = local % ${lanes}u;
let column = ((group.x + group.y * groups.x) * ${perGroup}u + local / ${lanes}u) * ${columns}u;
${columnStarts(shape, aligned, columns)}
${sums.map((sum) => `var ${sum} = vec4f();`).join('\n')}
for (var p = lane * 4u; p < k; p += ${4 * lanes}u) {
${step(shape, aligned, columns)}
}
${addUp(sums, variant)}
if (lane == 0u && column < n) {
${storeSums(shape, columns)}
}
}`,
    workgroups: spread(groups),
    flops: 2 * m * n * k,
  };
}
