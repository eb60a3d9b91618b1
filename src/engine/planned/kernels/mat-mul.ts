// Matrix product C = scale * op(A) op(B) (+ R or + C), the kernel that everything else waits for. Operands may be parts
// of wider matrices. Variants compute the same numbers with other tiles; which one is fast depends on the device.
import { float, reads, writes, type Kernel } from '../kernel';
import type { Recorder, Value } from '../recorder';

/** Where a matrix lies inside an array of rows: `stride` elements from row to row, beginning at `start`. */
export interface MatrixPart {
  start: number;
  stride: number;
}

export interface MatMulShape {
  m: number;
  n: number;
  k: number;
  /** A is given as [k, m]. */
  transposeA: boolean;
  /** B is given as [n, k]. */
  transposeB: boolean;
  scale: number;
  /** `none` overwrites C; `result` adds to what C holds; `residual` adds R [m, n]. */
  plus: 'none' | 'result' | 'residual';
  a: MatrixPart;
  b: MatrixPart;
  c: MatrixPart;
}

/** Register tile without workgroup memory: each invocation computes `rows` x `columns` of C. */
export interface MatMulVariant {
  rows: number;
  columns: number;
  workgroupSize: number;
}

const DEFAULT_VARIANT: MatMulVariant = { rows: 16, columns: 16, workgroupSize: 4 };

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** The part of a tile that is inside C; reads past the edge are clamped, their results are not stored. */
export function matMulKernel(shape: MatMulShape, variant: MatMulVariant = DEFAULT_VARIANT): Kernel {
  const { m, n, k, transposeA, transposeB, scale, plus, a, b, c } = shape;
  const rows = Math.min(variant.rows, m);
  const columns = Math.min(variant.columns, n);
  const [tilesY, tilesX] = [Math.ceil(m / rows), Math.ceil(n / columns)];
  const edgeY = m % rows !== 0;
  const edgeX = n % columns !== 0;
  const rowOf = (i: number): string => (edgeY ? `min(row + ${i}u, ${m - 1}u)` : `(row + ${i}u)`);
  const columnOf = (j: number): string => (edgeX ? `min(column + ${j}u, ${n - 1}u)` : `(column + ${j}u)`);
  const aAt = (i: number): string => (transposeA ? `at_a + ${rowOf(i)}` : `a${i} + p`);
  const bAt = (j: number): string => (transposeB ? `b${j} + p` : `at_b + ${columnOf(j)}`);
  const lines: string[] = [];
  for (const i of range(rows)) {
    if (!transposeA) lines.push(`let a${i} = ${a.start}u + ${rowOf(i)} * ${a.stride}u;`);
    for (const j of range(columns)) lines.push(`var s${i}_${j} = 0.0;`);
  }
  if (transposeB)
    for (const j of range(columns)) lines.push(`let b${j} = ${b.start}u + ${columnOf(j)} * ${b.stride}u;`);
  lines.push(`for (var p = 0u; p < ${k}u; p++) {`);
  if (transposeA) lines.push(`let at_a = ${a.start}u + p * ${a.stride}u;`);
  if (!transposeB) lines.push(`let at_b = ${b.start}u + p * ${b.stride}u;`);
  for (const j of range(columns)) lines.push(`let y${j} = b[${bAt(j)}];`);
  for (const i of range(rows)) {
    lines.push(`let x${i} = a[${aAt(i)}];`);
    for (const j of range(columns)) lines.push(`s${i}_${j} = fma(x${i}, y${j}, s${i}_${j});`);
  }
  lines.push('}');
  for (const i of range(rows)) {
    for (const j of range(columns)) {
      const at = `${c.start}u + (row + ${i}u) * ${c.stride}u + column + ${j}u`;
      const scaled = scale === 1 ? `s${i}_${j}` : `s${i}_${j} * ${float(scale)}`;
      const sum = { none: scaled, result: `${scaled} + c[${at}]`, residual: `${scaled} + r[${at}]` }[plus];
      const inside = [edgeY ? `row + ${i}u < ${m}u` : '', edgeX ? `column + ${j}u < ${n}u` : ''].filter(
        Boolean,
      );
      const store = `c[${at}] = ${sum};`;
      lines.push(inside.length > 0 ? `if (${inside.join(' && ')}) { ${store} }` : store);
    }
  }
  const invocations = tilesX * tilesY;
  const groups = Math.ceil(invocations / variant.workgroupSize);
  const x = Math.min(groups, 65_535);
  return {
    name: `mat-mul ${m}x${n}x${k}${transposeA ? ' at' : ''}${transposeB ? ' bt' : ''} ${plus}`,
    bindings: [reads('a'), reads('b'), ...(plus === 'residual' ? [reads('r')] : []), writes('c')],
    code: `@compute @workgroup_size(${variant.workgroupSize}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
let tile = id.x + id.y * ${x * variant.workgroupSize}u;
if (tile >= ${invocations}u) { return; }
let row = (tile / ${tilesX}u) * ${rows}u;
let column = (tile % ${tilesX}u) * ${columns}u;
${lines.join('\n')}
}`,
    workgroups: [x, Math.ceil(groups / x), 1],
    flops: 2 * m * n * k,
  };
}

export interface MatMulOperands {
  a: Value;
  b: Value;
  c: Value;
  /** Only where `plus` is `residual`; laid out like C. */
  residual?: Value;
}

/** Records a product. What is not given is a whole matrix, overwritten, unscaled. */
export function matMul(
  recorder: Recorder,
  { a, b, c, residual }: MatMulOperands,
  size: Pick<MatMulShape, 'm' | 'n' | 'k'>,
  options: Partial<Omit<MatMulShape, 'm' | 'n' | 'k'>> = {},
): void {
  const { transposeA = false, transposeB = false } = options;
  const shape: MatMulShape = {
    scale: 1,
    plus: residual === undefined ? 'none' : 'residual',
    a: { start: 0, stride: transposeA ? size.m : size.k },
    b: { start: 0, stride: transposeB ? size.k : size.n },
    c: { start: 0, stride: size.n },
    ...size,
    ...options,
    transposeA,
    transposeB,
  };
  recorder.dispatch(matMulKernel(shape), residual === undefined ? [a, b, c] : [a, b, residual, c]);
}
