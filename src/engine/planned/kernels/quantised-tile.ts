// A register tile of a product with a matrix in few bits: four by four elements of it are turned into numbers once and
// used for all rows of the tile.
import { spread, type Kernel } from '../kernel';
import { GROUP_SIZE } from '../quantise';
import { range } from './mat-mul-shape';
import {
  elementReader,
  quantisedBindings,
  quantisedName,
  storeQuantised,
  UNPACK_QUANTISED,
  widthOf,
  type QuantisedShape,
  type QuantisedTile,
} from './quantised-shape';

/** Multiplies four elements of each row of X with the matrices `y`, four columns of the result each. */
function multiply({ rows, columns }: QuantisedTile): string {
  const products = range(rows / 4).map((i) => {
    const lines = range(4).map((r) => `x[px + ${4 * i + r}u * x_pitch]`);
    const sums = range(columns / 4).map((j) => `t${i}_${j} += y${j} * x${i};`);
    return `let x${i} = mat4x4f(${lines.join(', ')});\n${sums.join('\n')}`;
  });
  return `let px = x_start + row * x_pitch + p / 4u;\n${products.join('\n')}`;
}

/** Four rows of W at a time, of which a scale holds for all columns of the tile. */
function stepsBack({ bits }: QuantisedShape, tile: QuantisedTile): string {
  const right = range(tile.columns / 4).map((j) => {
    const lines = range(4).map((i) => {
      const read = `level(p + ${i}u, column + ${4 * j}u, columns_in)`;
      return bits === 16 ? read : `${read} * f[${i}]`;
    });
    return `let y${j} = mat4x4f(${lines.join(', ')});`;
  });
  const scales = range(4).map((i) => `scales[(p + ${i}u) * groups + column / ${GROUP_SIZE}u]`);
  return `for (var p = 0u; p < inner; p += 4u) {
${bits === 16 ? '' : `let f = vec4f(${scales.join(', ')});`}
${right.join('\n')}
${multiply(tile)}
}`;
}

/** Group after group along the rows of W. */
function stepsForward({ bits }: QuantisedShape, tile: QuantisedTile): string {
  const beside = range(tile.columns / 4);
  const scales = beside.map((j) => {
    const lines = range(4).map((i) => `scales[(column + ${4 * j + i}u) * groups + g]`);
    return `let f${j} = vec4f(${lines.join(', ')});`;
  });
  const right = beside.map((j) => {
    const lines = range(4).map((i) => `level(column + ${4 * j + i}u, p, columns_in)`);
    const block = `transpose(mat4x4f(${lines.join(', ')}))`;
    return `let y${j} = ${bits === 16 ? block : `scaled(${block}, f${j})`};`;
  });
  return `for (var g = 0u; g < groups; g++) {
${bits === 16 ? '' : scales.join('\n')}
let end = (g + 1u) * ${GROUP_SIZE}u;
for (var p = g * ${GROUP_SIZE}u; p < end; p += 4u) {
${right.join('\n')}
${multiply(tile)}
}
}`;
}

export function quantisedTileKernel(shape: QuantisedShape, tile: QuantisedTile): Kernel {
  const { rows, columns, workgroupSize } = tile;
  const beside = columns / 4;
  const tiles = Math.ceil(shape.rows / rows) * Math.ceil(widthOf(shape) / columns);
  const sums = range(rows / 4).flatMap((i) => range(beside).map((j) => `var t${i}_${j} = mat4x4f();`));
  const kept = range(rows).flatMap((i) =>
    range(beside).map((j) => `t[${i * beside + j}] = t${i >> 2}_${j}[${i % 4}];`),
  );
  const at = 'y_start + (row + i) * y_pitch + column / 4u + j';
  return {
    name: quantisedName(shape),
    bindings: quantisedBindings(shape, 'array<u32>'),
    code: `${elementReader(shape.bits)}
fn level(line: u32, at: u32, length: u32) -> vec4f { return levels(line * length + at); }
fn scaled(m: mat4x4f, f: vec4f) -> mat4x4f { return mat4x4f(m[0] * f, m[1] * f, m[2] * f, m[3] * f); }
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {
${UNPACK_QUANTISED}
let tile = id.x + id.y * count.x * ${workgroupSize}u;
let row = tile / across * ${rows}u;
if (row >= rows) { return; }
let column = tile % across * ${columns}u;
let groups = columns_in / ${GROUP_SIZE}u;
${sums.join('\n')}
${shape.direction === 'back' ? stepsBack(shape, tile) : stepsForward(shape, tile)}
var t: array<vec4f, ${rows * beside}>;
${kept.join('\n')}
let height = min(${rows}u, rows - row);
let vectors = min(${beside}u, (width - column) / 4u);
for (var i = 0u; i < height; i++) {
for (var j = 0u; j < vectors; j++) ${storeQuantised(shape, at, `t[i * ${beside}u + j]`)}
}
}`,
    workgroups: spread(Math.ceil(tiles / workgroupSize)),
    flops: 2 * shape.rows * shape.out * shape.in,
  };
}
