// Products with a frozen matrix W [out, in] that is kept in few bits, read from the same words both ways: forward
// y = x W^T, and back dx = dy W. A register tile turns four by four elements of W into numbers once and uses them for all
// its rows; a few rows, as in decoding, are bound by reading W once and share it among lanes.
// Bindings: X, words, scales, the numbers, the residual where it is added, and the result: at most six.
import { reads, writes, type Kernel, type KernelBinding } from '../kernel';
import type { QuantisedForm } from '../parameter';
import { GROUP_SIZE, type QuantisedBits } from '../quantise';
import type { Recorder, Value } from '../recorder';
import { softwareCost } from '../tune/default-variants';
import { matMul } from './mat-mul';
import { MAX_VECTOR_ROWS, VECTORS, range, type MatMulShape } from './mat-mul-shape';

const MAX_WORKGROUPS = 65_535;
const EXPAND_WORKGROUP = 64;
/** Below, the f32 copy of W would be read by too few rows to be worth writing. */
const MIN_EXPANDED_ROWS = 64;
/** The copy takes room in the arena. */
const MAX_EXPANDED_BYTES = 64 * 1024 * 1024;

export interface QuantisedShape {
  /** Rows of X and of the result. */
  rows: number;
  /** Of W: rows [multiple of 4] and columns [multiple of 32]. */
  out: number;
  in: number;
  bits: QuantisedBits;
  /** `forward` sums over `in`, `back` over `out`. */
  direction: 'forward' | 'back';
  /** `none` overwrites; `result` adds to what the result holds; `residual` adds another array. */
  plus: MatMulShape['plus'];
}

/** Each invocation computes `rows` x `columns` of the result: multiples of 4, and `columns` divides 32. */
export interface QuantisedTile {
  kind: 'direct';
  rows: number;
  columns: number;
  workgroupSize: number;
}

/** Forward only, up to `MAX_VECTOR_ROWS` rows: `lanes` (a power of two) share the groups of four rows of W. */
export interface QuantisedVector {
  kind: 'vector';
  lanes: number;
  workgroupSize: number;
}

/** W in f32 for the time of one product, which then takes the fastest variant known: many rows pay for it. */
export interface Expanded {
  kind: 'expanded';
}

export type QuantisedVariant = QuantisedTile | QuantisedVector | Expanded;

/** The numbers `q`, so that shapes share pipelines. */
const UNPACK = ['rows', 'width', 'inner', 'columns_in', 'adds', 'across']
  .map((name, index) => `let ${name} = q[${index}];`)
  .join('\n');

const widthOf = ({ direction, out, in: input }: QuantisedShape): number =>
  direction === 'forward' ? out : input;
const innerOf = ({ direction, out, in: input }: QuantisedShape): number =>
  direction === 'forward' ? input : out;

const nameOf = (shape: QuantisedShape): string =>
  `mat-mul int${shape.bits} ${shape.direction} ${shape.rows}x${widthOf(shape)}x${innerOf(shape)} ${shape.plus}`;

function bindingsOf({ plus }: QuantisedShape, words: string): KernelBinding[] {
  return [
    reads('x', VECTORS),
    reads('words', words),
    reads('scales'),
    reads('q', 'array<u32>'),
    ...(plus === 'residual' ? [reads('r', VECTORS)] : []),
    writes('y', VECTORS),
  ];
}

/** `four(word, first)`: four levels of a word, from its element `first` on. */
const LEVELS: Record<QuantisedBits, string> = {
  8: `fn four(word: u32, first: u32) -> vec4f {
return vec4f(vec4i(vec4u(word) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));
}`,
  4: `fn four(word: u32, first: u32) -> vec4f {
return vec4f(vec4i(vec4u(word >> (first * 4u)) << vec4u(28u, 24u, 20u, 16u)) >> vec4u(28u));
}`,
};

/** `at`: index into y of four neighbours, `value` what was summed up for them. */
const store = ({ plus }: QuantisedShape, at: string, value: string): string =>
  `{ let at = ${at}; var v = ${value}; ${plus === 'residual' ? 'v += r[at];' : 'if (adds != 0u) { v += y[at]; }'} y[at] = v; }`;

/** The step of four along the sum: matrices `y` that turn four elements of X into four columns of the result. */
function tileSteps({ direction }: QuantisedShape, { rows, columns }: QuantisedTile): string {
  const beside = range(columns / 4);
  const products = range(rows / 4).map((i) => {
    const lines = range(4).map((r) => `x[px + ${4 * i + r}u * pitch]`);
    const sums = beside.map((j) => `t${i}_${j} += y${j} * x${i};`);
    return `let x${i} = mat4x4f(${lines.join(', ')});\n${sums.join('\n')}`;
  });
  const multiply = `let px = row * pitch + p / 4u;\n${products.join('\n')}`;
  if (direction === 'back') {
    const right = beside.map((j) => {
      const lines = range(4).map((i) => `level(p + ${i}u, column + ${4 * j}u, columns_in) * f[${i}]`);
      return `let y${j} = mat4x4f(${lines.join(', ')});`;
    });
    return `for (var p = 0u; p < inner; p += 4u) {
let f = vec4f(${range(4)
      .map((i) => `scales[(p + ${i}u) * groups + column / ${GROUP_SIZE}u]`)
      .join(', ')});
${right.join('\n')}
${multiply}
}`;
  }
  const scales = beside.map((j) => {
    const lines = range(4).map((i) => `scales[(column + ${4 * j + i}u) * groups + g]`);
    return `let f${j} = vec4f(${lines.join(', ')});`;
  });
  const right = beside.map((j) => {
    const lines = range(4).map((i) => `level(column + ${4 * j + i}u, p, columns_in)`);
    return `let y${j} = scaled(transpose(mat4x4f(${lines.join(', ')})), f${j});`;
  });
  return `for (var g = 0u; g < groups; g++) {
${scales.join('\n')}
let end = (g + 1u) * ${GROUP_SIZE}u;
for (var p = g * ${GROUP_SIZE}u; p < end; p += 4u) {
${right.join('\n')}
${multiply}
}
}`;
}

function tileKernel(shape: QuantisedShape, tile: QuantisedTile): Kernel {
  const { rows, columns, workgroupSize } = tile;
  const [width, beside] = [widthOf(shape), columns / 4];
  const groups = Math.ceil((Math.ceil(shape.rows / rows) * Math.ceil(width / columns)) / workgroupSize);
  const x = Math.min(groups, MAX_WORKGROUPS);
  const sums = range(rows / 4).flatMap((i) => range(beside).map((j) => `var t${i}_${j} = mat4x4f();`));
  const kept = range(rows).flatMap((i) =>
    range(beside).map((j) => `t[${i * beside + j}] = t${i >> 2}_${j}[${i % 4}];`),
  );
  const perWord = 32 / shape.bits;
  return {
    name: nameOf(shape),
    bindings: bindingsOf(shape, 'array<u32>'),
    code: `${LEVELS[shape.bits]}
fn level(line: u32, at: u32, length: u32) -> vec4f {
return four(words[(line * length + at) / ${perWord}u], at % ${perWord}u);
}
fn scaled(m: mat4x4f, f: vec4f) -> mat4x4f { return mat4x4f(m[0] * f, m[1] * f, m[2] * f, m[3] * f); }
@compute @workgroup_size(${workgroupSize})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {
${UNPACK}
let tile = id.x + id.y * count.x * ${workgroupSize}u;
let row = tile / across * ${rows}u;
if (row >= rows) { return; }
let column = tile % across * ${columns}u;
let pitch = inner / 4u;
let groups = columns_in / ${GROUP_SIZE}u;
${sums.join('\n')}
${tileSteps(shape, tile)}
var t: array<vec4f, ${rows * beside}>;
${kept.join('\n')}
let height = min(${rows}u, rows - row);
let vectors = min(${beside}u, (width - column) / 4u);
for (var i = 0u; i < height; i++) {
for (var j = 0u; j < vectors; j++) ${store(shape, '((row + i) * width + column) / 4u + j', `t[i * ${beside}u + j]`)}
}
}`,
    workgroups: [x, Math.ceil(groups / x), 1],
    flops: 2 * shape.rows * shape.out * shape.in,
  };
}

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

function vectorKernel(shape: QuantisedShape, { lanes, workgroupSize }: QuantisedVector): Kernel {
  const { bits } = shape;
  const perGroup = workgroupSize / lanes;
  const groups = Math.ceil(shape.out / 4 / perGroup);
  const x = Math.min(groups, MAX_WORKGROUPS);
  // A vector of words has 16 elements of 8 bits or 32 of 4.
  const vectors = bits / 4;
  const lines = range(4).map((i) => `words[((column + ${i}u) * groups + g) * ${vectors}u + v]`);
  const sums = range(shape.rows);
  const perWord = 32 / bits;
  // The words turn instead of being indexed: no compiler keeps what is indexed at run time in registers.
  const steps = range(perWord / 4).map((step) => {
    const columns = range(4).map((i) => `four(w${i}.x, ${4 * step}u)`);
    const at = `(g * ${GROUP_SIZE / 4}u + v * ${perWord}u + k * ${perWord / 4}u + ${step}u)`;
    const products = sums.map((i) => `u${i} += x[${at} + ${i}u * pitch] * w;`);
    return `{ let w = mat4x4f(${columns.join(', ')});\n${products.join('\n')} }`;
  });
  const stores = range(shape.rows).map((i) => store(shape, `(${i}u * width + column) / 4u`, `t${i}`));
  return {
    name: nameOf(shape),
    bindings: bindingsOf(shape, 'array<vec4<u32>>'),
    code: `${LEVELS[bits]}
${lanes === 1 ? '' : `var<workgroup> parts: array<vec4f, ${workgroupSize}>;`}
@compute @workgroup_size(${workgroupSize})
fn main(
@builtin(workgroup_id) group: vec3<u32>,
@builtin(num_workgroups) count: vec3<u32>,
@builtin(local_invocation_index) local: u32
) {
${UNPACK}
let lane = local % ${lanes}u;
let column = ((group.x + group.y * count.x) * ${perGroup}u + local / ${lanes}u) * 4u;
let pitch = inner / 4u;
let groups = inner / ${GROUP_SIZE}u;
${sums.map((i) => `var t${i} = vec4f();`).join('\n')}
for (var g = lane; g < groups; g += ${lanes}u) {
let f = vec4f(${range(4)
      .map((i) => `scales[(column + ${i}u) * groups + g]`)
      .join(', ')});
${sums.map((i) => `var u${i} = vec4f();`).join('\n')}
for (var v = 0u; v < ${vectors}u; v++) {
${lines.map((line, i) => `var w${i} = ${line};`).join('\n')}
for (var k = 0u; k < 4u; k++) {
${steps.join('\n')}
${range(4)
  .map((i) => `w${i} = w${i}.yzwx;`)
  .join('\n')}
}
}
${sums.map((i) => `t${i} += f * u${i};`).join('\n')}
}
${addUp(shape.rows, lanes)}
if (lane == 0u && column < width) {
${stores.join('\n')}
}
}`,
    workgroups: [x, Math.ceil(groups / x), 1],
    flops: 2 * shape.rows * shape.out * shape.in,
  };
}

/** One invocation for four elements. */
function expandKernel(bits: QuantisedBits, count: number): Kernel {
  const groups = Math.ceil(count / 4 / EXPAND_WORKGROUP);
  const x = Math.min(groups, MAX_WORKGROUPS);
  const perWord = 32 / bits;
  return {
    name: `expand int${bits} ${count}`,
    bindings: [reads('words', 'array<u32>'), reads('scales'), reads('q', 'array<u32>'), writes('w', VECTORS)],
    code: `${LEVELS[bits]}
@compute @workgroup_size(${EXPAND_WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>) {
let index = id.x + id.y * count.x * ${EXPAND_WORKGROUP}u;
if (index >= q[0]) { return; }
let at = 4u * index;
w[index] = four(words[at / ${perWord}u], at % ${perWord}u) * scales[at / ${GROUP_SIZE}u];
}`,
    workgroups: [x, Math.ceil(groups / x), 1],
    flops: count,
  };
}

function expanded(
  recorder: Recorder,
  { x, words, form, result, residual }: QuantisedOperands,
  { rows, out, in: input, bits, direction, plus }: QuantisedShape,
): void {
  const w = recorder.temporary(`${words.name} in f32`, words.shape);
  const count = recorder.constant((out * input) / 4);
  recorder.dispatch(expandKernel(bits, out * input), [words, form.scales, count, w]);
  const [n, k] = direction === 'forward' ? [out, input] : [input, out];
  const operands = { a: x, b: w, c: result, ...(residual === undefined ? {} : { residual }) };
  matMul(recorder, operands, { m: rows, n, k }, { transposeB: direction === 'forward', plus });
}

const TILES = [
  [16, 16],
  [8, 16],
  [8, 8],
] as const;

/** Few variants: each is a pipeline of its own. */
export function quantisedVariant(shape: QuantisedShape, software: boolean): QuantisedVariant {
  if (shape.rows <= MAX_VECTOR_ROWS && shape.direction === 'forward') {
    return software
      ? { kind: 'vector', lanes: 1, workgroupSize: 4 }
      : { kind: 'vector', lanes: 16, workgroupSize: 64 };
  }
  if (!software) {
    const isCheap = shape.rows >= MIN_EXPANDED_ROWS && 4 * shape.out * shape.in <= MAX_EXPANDED_BYTES;
    return isCheap ? { kind: 'expanded' } : { kind: 'direct', rows: 8, columns: 8, workgroupSize: 64 };
  }
  const part = { start: 0, stride: 0 };
  const product: MatMulShape = {
    ...{ m: shape.rows, n: widthOf(shape), k: innerOf(shape) },
    ...{ transposeA: false, transposeB: shape.direction === 'forward', scale: 1, plus: shape.plus },
    ...{ a: part, b: part, c: part },
  };
  const tiles = TILES.map(([rows, columns]) => ({ rows, columns, workgroupSize: 4, splits: 1 }));
  const cost = (tile: (typeof tiles)[number]): number => softwareCost(product, { kind: 'direct', ...tile });
  const { rows, columns } = tiles.reduce((best, next) => (cost(next) < cost(best) ? next : best));
  return { kind: 'direct', rows, columns, workgroupSize: 4 };
}

export interface QuantisedOperands {
  /** [rows, in] forward, [rows, out] back. */
  x: Value;
  /** Words of W; its shape is [out, in]. */
  words: Value;
  form: QuantisedForm;
  result: Value;
  /** Only where `plus` is `residual`; laid out like the result. */
  residual?: Value;
}

/** Records a product. @param variant null takes the default. @throws RangeError for a variant that cannot do it. */
export function matMulQuantised(
  recorder: Recorder,
  { x, words, form, result, residual }: QuantisedOperands,
  { rows, direction, plus }: Pick<QuantisedShape, 'rows' | 'direction' | 'plus'>,
  variant: QuantisedVariant | null = null,
): void {
  const [out = 0, input = 0] = words.shape;
  const shape: QuantisedShape = { rows, out, in: input, bits: form.bits, direction, plus };
  const chosen = variant ?? quantisedVariant(shape, recorder.traits.rowLanes === 1);
  if (chosen.kind === 'expanded') {
    expanded(recorder, { x, words, form, result, ...(residual === undefined ? {} : { residual }) }, shape);
    return;
  }
  if (chosen.kind === 'vector' && (rows > MAX_VECTOR_ROWS || direction === 'back')) {
    throw new RangeError(`${nameOf(shape)}: vectors are for at most ${MAX_VECTOR_ROWS} rows, forward.`);
  }
  const width = widthOf(shape);
  const across = Math.ceil(width / (chosen.kind === 'direct' ? chosen.columns : 4));
  const kernel = chosen.kind === 'direct' ? tileKernel(shape, chosen) : vectorKernel(shape, chosen);
  const adds = Number(plus === 'result');
  const numbers = recorder.constant(rows, width, innerOf(shape), input, adds, across);
  const extra = plus === 'residual' && residual !== undefined ? [residual] : [];
  recorder.dispatch(kernel, [x, words, form.scales, numbers, ...extra, result]);
}
