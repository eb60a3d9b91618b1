// The product of a few rows with a matrix in few bits, as in decoding: bound by reading the matrix once, which lanes share.
import { spread, type Kernel } from '../kernel';
import { GROUP_SIZE, type QuantisedBits } from '../quantise';
import { range } from './mat-mul-shape';
import {
  LEVELS,
  quantisedBindings,
  quantisedName,
  storeQuantised,
  UNPACK_QUANTISED,
  type QuantisedShape,
  type QuantisedVector,
} from './quantised-shape';

/** Halves the number of parts until lane 0 of each group of lanes has the sums. */
function addUp(rows: number, lanes: number): string {
  if (lanes === 1) return '';
  return range(rows)
    .map(
      (i) => `parts[local] = t${i};
workgroupBarrier();
for (var half = ${lanes / 2}u; half > 0u; half /= 2u) {
if (lane < half) { parts[local] += parts[local + half]; }
workgroupBarrier();
}
t${i} = parts[local];
workgroupBarrier();`,
    )
    .join('\n');
}

/** One step of four along the sum. @param read gives the four elements of a row of W in the vector `w0` and so on. */
function step(rows: readonly number[], read: (w: string) => string, at: string): string {
  const columns = range(4).map((i) => read(`w${i}`));
  const products = rows.map((i) => `u${i} += x[${at} + ${i}u * x_pitch] * w;`);
  return `{ let w = mat4x4f(${columns.join(', ')});\n${products.join('\n')} }`;
}

/** All elements of the four vectors of words `w0` to `w3`, the vectors `v` of a group of 32. */
function vectorSteps(bits: QuantisedBits, rows: readonly number[]): string {
  const first = `x_start + g * ${GROUP_SIZE / 4}u + v * ${32 / bits}u`;
  if (bits === 16) {
    return [
      step(rows, (w) => `four(${w}.xy)`, `(${first})`),
      step(rows, (w) => `four(${w}.zw)`, `(${first} + 1u)`),
    ].join('\n');
  }
  const perWord = 32 / bits;
  // The words turn instead of being indexed: no compiler keeps what is indexed at run time in registers.
  const steps = range(perWord / 4).map((i) =>
    step(rows, (w) => `four(${w}.x, ${4 * i}u)`, `(${first} + k * ${perWord / 4}u + ${i}u)`),
  );
  return `for (var k = 0u; k < 4u; k++) {
${steps.join('\n')}
${range(4)
  .map((i) => `w${i} = w${i}.yzwx;`)
  .join('\n')}
}`;
}

export function quantisedVectorKernel(
  shape: QuantisedShape,
  { lanes, workgroupSize }: QuantisedVector,
): Kernel {
  const { bits } = shape;
  const perGroup = workgroupSize / lanes;
  const groups = Math.ceil(shape.out / 4 / perGroup);
  // A vector of words has 8 elements of 16 bits, 16 of 8 or 32 of 4.
  const vectors = bits / 4;
  const lines = range(4).map((i) => `words[((column + ${i}u) * groups + g) * ${vectors}u + v]`);
  const sums = range(shape.rows);
  const scales = range(4).map((i) => `scales[(column + ${i}u) * groups + g]`);
  const stores = sums.map((i) => storeQuantised(shape, `y_start + ${i}u * y_pitch + column / 4u`, `t${i}`));
  return {
    name: quantisedName(shape),
    bindings: quantisedBindings(shape, 'array<vec4<u32>>'),
    code: `${LEVELS[bits]}
${lanes === 1 ? '' : `var<workgroup> parts: array<vec4f, ${workgroupSize}>;`}
@compute @workgroup_size(${workgroupSize})
fn main(
@builtin(workgroup_id) group: vec3<u32>,
@builtin(num_workgroups) count: vec3<u32>,
@builtin(local_invocation_index) local: u32
) {
${UNPACK_QUANTISED}
let lane = local % ${lanes}u;
let column = ((group.x + group.y * count.x) * ${perGroup}u + local / ${lanes}u) * 4u;
let groups = inner / ${GROUP_SIZE}u;
${sums.map((i) => `var t${i} = vec4f();`).join('\n')}
for (var g = lane; g < groups; g += ${lanes}u) {
${bits === 16 ? '' : `let f = vec4f(${scales.join(', ')});`}
${sums.map((i) => `var u${i} = vec4f();`).join('\n')}
for (var v = 0u; v < ${vectors}u; v++) {
${lines.map((line, i) => `var w${i} = ${line};`).join('\n')}
${vectorSteps(bits, sums)}
}
${sums.map((i) => `t${i} += ${bits === 16 ? '' : 'f * '}u${i};`).join('\n')}
}
${addUp(shape.rows, lanes)}
if (lane == 0u && column < width) {
${stores.join('\n')}
}
}`,
    workgroups: spread(groups),
    flops: 2 * shape.rows * shape.out * shape.in,
  };
}
