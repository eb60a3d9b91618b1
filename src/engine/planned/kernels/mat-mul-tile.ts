// What products by register tiles have in common: a tile is kept as 4x4 matrices, because compilers handle one matrix
// product better than its 64 multiply-adds, and passes through a private array on its way out because a loop of stores
// compiles faster than the stores. Generates WGSL, runs nothing.
import { range, store, type MatMulShape } from './mat-mul-shape';

/**
 * Four vectors of an operand for one step of four along k, one after the other in memory by `stride`.
 * @param alongK whether the four elements of a vector are of one row and four k, or of one k and four rows.
 */
export function block(operand: 'a' | 'b', offset: number, alongK: boolean, aligned: boolean): string {
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

/** Declares `y0` and on: the matrices of B for one step of four along k, columns beside each other. */
export function rightBlocks(columns: number, transposeB: boolean, aligned: boolean): string[] {
  return range(columns / 4).map((j) => {
    const loaded = block('b', 4 * j, transposeB, aligned);
    return `let y${j} = ${transposeB ? `transpose(${loaded})` : loaded};`;
  });
}

/** Base index `p` of an operand's tile, its stride `s`, and the step of `p` along k. */
export function walk(
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

export function storeTile(shape: MatMulShape, rows: number, columns: number, aligned: boolean): string {
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
