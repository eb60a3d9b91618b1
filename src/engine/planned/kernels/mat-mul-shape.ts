// What a matrix product is and how it may be computed: its shape, its variants, and the numbers that its kernels read at
// run time instead of having them in their code. Kernels that differ in sizes only are one pipeline.
import { reads, writes, type KernelBinding } from '../kernel';

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

/** Register tile without workgroup memory: each invocation computes `rows` x `columns` of C, multiples of 4. */
export interface DirectVariant {
  kind: 'direct';
  rows: number;
  columns: number;
  workgroupSize: number;
  /** Parts that the sum over k is cut into. */
  splits: number;
}

/** Workgroups compute `tileRows` x `tileColumns` of C, `depth` of k at a time through workgroup memory. */
export interface SharedVariant {
  kind: 'shared';
  tileRows: number;
  tileColumns: number;
  /** A multiple of 4. */
  depth: number;
  /** Of C per invocation; they divide the tile. */
  rows: number;
  columns: number;
  splits: number;
}

/** For a few rows of A, at most `MAX_VECTOR_ROWS`: `lanes` invocations share the sum over k of `columns` columns of C. */
export interface VectorVariant {
  kind: 'vector';
  /** Of all rows, a multiple of 4. */
  columns: number;
  /** A power of two that divides `workgroupSize`. */
  lanes: number;
  workgroupSize: number;
}

/**
 * Like `DirectVariant`, but the invocations of a workgroup have the same rows, side by side, and load them together.
 * Takes aligned shapes and devices whose subgroups all have `lanes` invocations.
 */
export interface SubgroupVariant {
  kind: 'subgroup';
  /** A multiple of 4 and of `lanes`. */
  rows: number;
  columns: number;
  lanes: number;
  /** A multiple of `lanes`. */
  workgroupSize: number;
  splits: number;
}

export type MatMulVariant = DirectVariant | SharedVariant | SubgroupVariant | VectorVariant;

/** Variants of one name are one piece of code, but for the parts that the sum is cut into. */
export function matMulVariantName(variant: MatMulVariant): string {
  const sizes = Object.entries({ ...variant, kind: '', splits: '' }).filter(([, size]) => size !== '');
  return `mat-mul ${variant.kind} ${sizes.map(([name, size]) => `${name} ${size}`).join(', ')}`;
}

export const MAX_VECTOR_ROWS = 8;

/** Whether everything can be read and written four elements at a time. */
export function isAligned({ n, k, a, b, c }: MatMulShape): boolean {
  return [n, k, a.start, a.stride, b.start, b.stride, c.start, c.stride].every((size) => size % 4 === 0);
}

/** A kernel's own grid numbers: tiles in a row of tiles, and elements of k per part. */
export interface MatMulGrid {
  across: number;
  depth: number;
}

const FIELDS = 'm n k a_start a_stride b_start b_stride c_start c_stride scale adds across depth'.split(' ');

/** WGSL that reads the numbers of `matMulConstants` from the binding `q`. */
export const UNPACK = FIELDS.map((name, index) =>
  name === 'scale' ? `let scale = bitcast<f32>(q[${index}]);` : `let ${name} = q[${index}];`,
).join('\n');

/** Content of the binding `q`, as u32. */
export function matMulConstants(shape: MatMulShape, { across, depth }: MatMulGrid): number[] {
  const { m, n, k, a, b, c, scale, plus } = shape;
  const [bits = 0] = new Uint32Array(Float32Array.of(scale).buffer);
  const parts = [a, b, c].flatMap(({ start, stride }) => [start, stride]);
  return [m, n, k, ...parts, bits, Number(plus === 'result'), across, depth];
}

/** Bindings of every product: A, B, the numbers, R where it is added, and C. */
export function matMulBindings({ plus }: MatMulShape, types: { ab: string; c: string }): KernelBinding[] {
  return [
    reads('a', types.ab),
    reads('b', types.ab),
    reads('q', 'array<u32>'),
    ...(plus === 'residual' ? [reads('r', types.c)] : []),
    writes('c', types.c),
  ];
}

export const SCALARS = 'array<f32>';
export const VECTORS = 'array<vec4<f32>>';

/** Four elements from `at` on, wherever `at` is; for arrays of scalars. */
export const LOAD_FOUR = ['a', 'b']
  .map(
    (x) =>
      `fn ${x}4(at: u32) -> vec4f { return vec4f(${x}[at], ${x}[at + 1u], ${x}[at + 2u], ${x}[at + 3u]); }`,
  )
  .join('\n');

/** WGSL that puts `value` where it belongs, scaled, with what is added to it. @param at index into C and R. */
export function store({ plus }: MatMulShape, value: string, at: string): string {
  const added = plus === 'residual' ? `v += r[at];` : `if (adds != 0u) { v += c[at]; }`;
  return `{ let at = ${at}; var v = scale * ${value}; ${added} c[at] = v; }`;
}

/** For diagnostics: sizes, transposes and what is added. */
export function matMulName({ m, n, k, transposeA, transposeB, plus }: MatMulShape): string {
  return `mat-mul ${m}x${n}x${k}${transposeA ? ' at' : ''}${transposeB ? ' bt' : ''} ${plus}`;
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
