// The product by tiles in workgroup memory: right for GPUs. Both tiles are kept as vectors of four along k, one row of A
// or one column of B after the other, each followed by an empty vector: neighbouring invocations then read from different
// banks. An invocation's rows and columns are spread over the tile for the same reason, and so that its stores coalesce.
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
  type SharedVariant,
} from './mat-mul-shape';

export const sharedThreads = ({ tileRows, tileColumns, rows, columns }: SharedVariant): number =>
  (tileRows / rows) * (tileColumns / columns);

/** Bytes of workgroup memory. */
export const sharedBytes = ({ tileRows, tileColumns, depth }: SharedVariant): number =>
  16 * (depth / 4 + 1) * (tileRows + tileColumns);

interface Side {
  operand: 'a' | 'b';
  /** First row or column of the tile. */
  tile: string;
  /** Rows or columns of the tile. */
  length: number;
  /** The operand's memory runs along k. */
  alongK: boolean;
}

/** Copies an operand's tile into workgroup memory; what lies past the end of k becomes zero. */
function fill({ operand: x, tile, length, alongK }: Side, variant: SharedVariant, aligned: boolean): string {
  const vectors = variant.depth / 4;
  const pitch = vectors + 1;
  const at = (index: string): string => (aligned ? `${x}[(${index}) / 4u]` : `${x}4(${index})`);
  if (alongK) {
    const loaded = at(`${x}_start + (${tile} + line) * ${x}_stride + q4`);
    const live = aligned ? 'q4 < last' : 'vec4u(q4, q4 + 1u, q4 + 2u, q4 + 3u) < vec4u(last)';
    return `for (var e = local; e < ${length * vectors}u; e += ${sharedThreads(variant)}u) {
let line = e / ${vectors}u; let q4 = p + e % ${vectors}u * 4u;
tile_${x}[line * ${pitch}u + e % ${vectors}u] = select(vec4f(), ${loaded}, ${live});
}`;
  }
  const rows = range(4).map(
    (i) =>
      `select(vec4f(), ${at(`${x}_start + (q4 + ${i}u) * ${x}_stride + ${tile} + line`)}, q4 + ${i}u < last)`,
  );
  const stores = range(4).map(
    (i) => `tile_${x}[(line + ${i}u) * ${pitch}u + e / ${length / 4}u] = block[${i}];`,
  );
  return `for (var e = local; e < ${(length / 4) * vectors}u; e += ${sharedThreads(variant)}u) {
let line = e % ${length / 4}u * 4u; let q4 = p + e / ${length / 4}u * 4u;
let block = transpose(mat4x4f(${rows.join(',\n')}));
${stores.join('\n')}
}`;
}

function multiplyTiles(variant: SharedVariant): string {
  const { tileRows, tileColumns, rows, columns, depth } = variant;
  const pitch = depth / 4 + 1;
  const down = tileRows / rows;
  const across = tileColumns / columns;
  const x = range(rows).map((i) => `let x${i} = tile_a[(y + ${i * down}u) * ${pitch}u + d];`);
  const columnsOf = range(columns).map((j) => {
    const sums = range(rows).map((i) => `s${i}_${j} += dot(x${i}, w${j});`);
    return `let w${j} = tile_b[(x + ${j * across}u) * ${pitch}u + d];\n${sums.join('\n')}`;
  });
  return `for (var d = 0u; d < ${depth / 4}u; d++) {
${x.join('\n')}
${columnsOf.join('\n')}
}`;
}

function storeTile(shape: MatMulShape, { tileRows, tileColumns, rows, columns }: SharedVariant): string {
  const lines = range(rows).flatMap((i) => [
    `if (row + ${i * (tileRows / rows)}u < m) {`,
    ...range(columns).map((j) => {
      const offset = `${j * (tileColumns / columns)}u`;
      const at = `c_start + group.z * m * n + (row + ${i * (tileRows / rows)}u) * c_stride + column + ${offset}`;
      return `if (column + ${offset} < n) ${store(shape, `s${i}_${j}`, at)}`;
    }),
    '}',
  ]);
  return lines.join('\n');
}

export function sharedGrid({ n, k }: MatMulShape, { tileColumns, splits }: SharedVariant): MatMulGrid {
  return { across: Math.ceil(n / tileColumns), depth: Math.ceil(k / splits / 4) * 4 };
}

export function sharedKernel(shape: MatMulShape, variant: SharedVariant): Kernel {
  const { m, n, k, transposeA, transposeB } = shape;
  const { tileRows, tileColumns, depth, rows, columns, splits } = variant;
  const aligned = isAligned(shape);
  const pitch = depth / 4 + 1;
  const a: Side = { operand: 'a', tile: 'tile_row', length: tileRows, alongK: !transposeA };
  const b: Side = { operand: 'b', tile: 'tile_column', length: tileColumns, alongK: transposeB };
  const accumulators = range(rows).flatMap((i) => range(columns).map((j) => `var s${i}_${j} = 0.0;`));
  return {
    name: matMulName(shape),
    bindings: matMulBindings(shape, { ab: aligned ? VECTORS : SCALARS, c: SCALARS }),
    code: `${aligned ? '' : LOAD_FOUR}
var<workgroup> tile_a: array<vec4f, ${tileRows * pitch}>;
var<workgroup> tile_b: array<vec4f, ${tileColumns * pitch}>;
@compute @workgroup_size(${sharedThreads(variant)})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
${UNPACK}
let x = local % ${tileColumns / columns}u;
let y = local / ${tileColumns / columns}u;
let tile_row = group.y * ${tileRows}u;
let tile_column = group.x * ${tileColumns}u;
let row = tile_row + y;
let column = tile_column + x;
let first = group.z * depth;
let last = min(k, first + depth);
${accumulators.join('\n')}
for (var p = first; p < last; p += ${depth}u) {
${fill(a, variant, aligned)}
${fill(b, variant, aligned)}
workgroupBarrier();
${multiplyTiles(variant)}
workgroupBarrier();
}
${storeTile(shape, variant)}
}`,
    workgroups: [Math.ceil(n / tileColumns), Math.ceil(m / tileRows), splits],
    flops: 2 * m * n * k,
  };
}
