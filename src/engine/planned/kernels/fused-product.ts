// Decoding reads few rows, and a dispatch costs the host more than their arithmetic costs the GPU. So the product with a
// weight takes its neighbours along: the RMS norm in front of it, whose square sums come with the same loads of x, and
// SwiGLU behind it, where an invocation keeps the same columns of gate and of up. No gradients; weights whole and in f32.
import { float, reads, spread, writes, type Kernel } from '../kernel';
import type { Parameter } from '../parameter';
import type { Recorder, Value } from '../recorder';
import { defaultVariant, targetOf } from '../tune/default-variants';
import { MAX_VECTOR_ROWS, range, VECTORS, type MatMulShape, type VectorVariant } from './mat-mul-shape';
import { addUp } from './mat-mul-vector';

/** Workgroup memory that every device has. */
const SHARED_BYTES = 16_384;

export interface Norm {
  /** f32 [in] */
  weight: Parameter;
  epsilon: number;
}

interface FusedShape {
  rows: number;
  /** Columns of the result; the weight has twice as many rows where it is gated. */
  out: number;
  in: number;
  gated: boolean;
  epsilon: number;
}

/** Whether a product of these rows can take its neighbours along. */
export function isFusable(rows: number, { value, quantised, parts }: Parameter): boolean {
  return (
    rows <= MAX_VECTOR_ROWS &&
    quantised === undefined &&
    parts === undefined &&
    value.shape.every((size) => size % 4 === 0)
  );
}

/** What the device takes for the plain product of this shape. */
function variantFor(recorder: Recorder, { rows, out, in: input, gated }: FusedShape): VectorVariant {
  const n = gated ? 2 * out : out;
  const shape: MatMulShape = {
    ...{ m: rows, n, k: input, transposeA: false, transposeB: true, scale: 1, plus: 'none' },
    ...{ a: { start: 0, stride: input }, b: { start: 0, stride: input }, c: { start: 0, stride: n } },
  };
  const target = targetOf(recorder.traits);
  const variant = recorder.variantOf?.(shape) ?? defaultVariant(shape, target);
  if (variant.kind === 'vector') return variant;
  const usual = defaultVariant(shape, target);
  return usual.kind === 'vector' ? usual : { kind: 'vector', columns: 4, lanes: 32, workgroupSize: 64 };
}

/** With as many invocations as have room for their sums. */
function fitting(variant: VectorVariant, sums: number): VectorVariant {
  let { workgroupSize, lanes } = variant;
  while (lanes > 1 && 16 * sums * workgroupSize > SHARED_BYTES) {
    workgroupSize /= 2;
    lanes = Math.min(lanes, workgroupSize);
  }
  return { ...variant, workgroupSize, lanes };
}

/** Names of the sums: of the product, of its second half, and of squares, four rows in a vector. */
function sumsOf({ rows, gated }: FusedShape, quads: number) {
  const halves = gated ? ['s', 'u'] : ['s'];
  const products = halves.flatMap((half) =>
    range(rows).flatMap((i) => range(quads).map((quad) => `${half}${i}_${quad}`)),
  );
  return { halves, all: [...products, ...range(Math.ceil(rows / 4)).map((i) => `squares${i}`)] };
}

/** One step of four along the sum. */
function step(rows: number, halves: readonly string[], quads: number): string {
  const loads = range(rows).map(
    (i) => `let r${i} = x[${i}u * depth + p];
squares${i >> 2}[${i % 4}] += dot(r${i}, r${i});
let x${i} = r${i} * g;`,
  );
  const products = halves.flatMap((half) =>
    range(quads).map((quad) => {
      const columns = range(4).map((j) => `w[${half}_at${4 * quad + j} + p]`);
      const sums = range(rows).map((i) => `${half}${i}_${quad} += x${i} * m;`);
      return `{ let m = mat4x4f(${columns.join(', ')});\n${sums.join('\n')} }`;
    }),
  );
  return ['let g = norm[p];', ...loads, ...products].join('\n');
}

function storeRow(shape: FusedShape, row: number, quads: number): string {
  const scale = `inverseSqrt(squares${row >> 2}[${row % 4}] / f32(4u * depth) + ${float(shape.epsilon)})`;
  const stores = range(quads).map((quad) => {
    const value = shape.gated ? `gated(f * s${row}_${quad}, f * u${row}_${quad})` : `f * s${row}_${quad}`;
    return `if (column + ${4 * quad}u < width) { y[(${row}u * width + column) / 4u + ${quad}u] = ${value}; }`;
  });
  return `{ let f = ${scale};\n${stores.join('\n')} }`;
}

function fusedKernel(shape: FusedShape, wanted: VectorVariant): Kernel {
  const { rows, out, in: input, gated } = shape;
  const columns = gated ? Math.max(4, wanted.columns / 2) : wanted.columns;
  const quads = columns / 4;
  const { halves, all } = sumsOf(shape, quads);
  const variant = fitting(wanted, all.length);
  const { lanes, workgroupSize } = variant;
  const perGroup = workgroupSize / lanes;
  const groups = Math.ceil(out / columns / perGroup);
  const starts = halves.flatMap((half) =>
    range(columns).map(
      (j) =>
        `let ${half}_at${j} = (min(column + ${j}u, width - 1u)${half === 'u' ? ' + width' : ''}) * depth;`,
    ),
  );
  return {
    name: `normed product ${rows}x${out}x${input}${gated ? ' gated' : ''}`,
    bindings: [
      ...[reads('x', VECTORS), reads('norm', VECTORS), reads('w', VECTORS), reads('q', 'array<u32>')],
      writes('y', VECTORS),
    ],
    code: `${lanes === 1 ? '' : `var<workgroup> parts: array<vec4f, ${all.length * workgroupSize}>;`}
${gated ? 'fn gated(gate: vec4f, up: vec4f) -> vec4f { return gate / (1.0 + exp(-gate)) * up; }' : ''}
@compute @workgroup_size(${workgroupSize})
fn main(
@builtin(workgroup_id) group: vec3<u32>,
@builtin(num_workgroups) groups: vec3<u32>,
@builtin(local_invocation_index) local: u32
) {
let width = q[0];
let depth = q[1];
let lane = local % ${lanes}u;
let column = ((group.x + group.y * groups.x) * ${perGroup}u + local / ${lanes}u) * ${columns}u;
${starts.join('\n')}
${all.map((sum) => `var ${sum} = vec4f();`).join('\n')}
for (var p = lane; p < depth; p += ${lanes}u) {
${step(rows, halves, quads)}
}
${addUp(all, variant)}
if (lane == 0u && column < width) {
${range(rows)
  .map((row) => storeRow(shape, row, quads))
  .join('\n')}
}
}`,
    workgroups: spread(groups),
    flops: 2 * rows * (gated ? 2 * out : out) * input,
  };
}

function record(
  recorder: Recorder,
  x: Value,
  { weight: norm, epsilon }: Norm,
  weight: Parameter,
  gated: boolean,
  y: Value,
): void {
  const [rows = 0, input = 0] = x.shape;
  const out = y.shape[1] ?? 0;
  const shape: FusedShape = { rows, out, in: input, gated, epsilon };
  const numbers = recorder.constant(out, input / 4);
  const kernel = fusedKernel(shape, variantFor(recorder, shape));
  recorder.dispatch(kernel, [x, norm.value, weight.value, numbers, y]);
}

/** y = norm(x) W^T. @param x [rows, in]; @param weight [out, in], fusable; @param y [rows, out]. */
export function normedProduct(recorder: Recorder, x: Value, norm: Norm, weight: Parameter, y: Value): void {
  record(recorder, x, norm, weight, false, y);
}

/** SwiGLU of norm(x) W^T. @param weight [2 * size, in], gate above up, fusable. @returns [rows, size]. */
export function normedSwiglu(recorder: Recorder, x: Value, norm: Norm, weight: Parameter): Value {
  const activation = recorder.temporary('activation', [x.shape[0] ?? 0, (weight.value.shape[0] ?? 0) / 2]);
  record(recorder, x, norm, weight, true, activation);
  return activation;
}
