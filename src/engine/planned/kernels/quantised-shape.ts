// What a product with a matrix in few bits is and how it may be computed: its shape, its variants, the numbers that its
// kernels read at run time, and the WGSL that turns words into numbers. Pure.
import { reads, writes, type KernelBinding } from '../kernel';
import { GROUP_SIZE, type QuantisedBits } from '../quantise';
import { VECTORS, type MatMulShape, type MatrixPart } from './mat-mul-shape';

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
  /** Where X and the result lie in wider arrays; multiples of 4. */
  x: MatrixPart;
  y: MatrixPart;
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

/**
 * W, or as many of its rows as `bytes` hold, in f32 for the time of one product, which then takes the fastest variant
 * known: many rows pay for it.
 */
export interface Expanded {
  kind: 'expanded';
  bytes: number;
}

export type QuantisedVariant = QuantisedTile | QuantisedVector | Expanded;

/** The numbers `q`, so that shapes share pipelines; those of places are in vectors of four. */
export const UNPACK_QUANTISED = [
  ...['rows', 'width', 'inner', 'columns_in', 'adds', 'across'],
  ...['x_start', 'x_pitch', 'y_start', 'y_pitch'],
]
  .map((name, index) => `let ${name} = q[${index}];`)
  .join('\n');

export const widthOf = ({ direction, out, in: input }: QuantisedShape): number =>
  direction === 'forward' ? out : input;
export const innerOf = ({ direction, out, in: input }: QuantisedShape): number =>
  direction === 'forward' ? input : out;

/** Content of the binding `q`. @param columns of the result that one invocation computes. */
export function quantisedConstants(shape: QuantisedShape, columns: number): number[] {
  const { rows, in: input, plus, x, y } = shape;
  const width = widthOf(shape);
  const sizes = [rows, width, innerOf(shape), input, Number(plus === 'result'), Math.ceil(width / columns)];
  return [...sizes, x.start / 4, x.stride / 4, y.start / 4, y.stride / 4];
}

export const quantisedName = (shape: QuantisedShape): string =>
  `mat-mul ${shape.bits} bits ${shape.direction} ${shape.rows}x${widthOf(shape)}x${innerOf(shape)} ${shape.plus}`;

/** The same for pieces of code that are the same but for sizes: what `KernelVariants` keeps. */
export function quantisedVariantName(
  { bits, direction }: Pick<QuantisedShape, 'bits' | 'direction'>,
  variant: QuantisedVariant,
): string {
  if (variant.kind === 'expanded') return `expand ${bits} bits`;
  const sizes = Object.entries({ ...variant, kind: '' }).filter(([, size]) => size !== '');
  const parts = sizes.map(([name, size]) => `${name} ${size}`).join(', ');
  return `mat-mul ${bits} bits ${direction} ${variant.kind} ${parts}`;
}

/** Shapes with the same key are the same work. */
export const quantisedKey = (shape: QuantisedShape): string =>
  `${shape.rows}x${widthOf(shape)}x${innerOf(shape)} ${shape.bits} bits ${shape.direction} ${shape.plus}`;

/** X, words, their scales where they have some, the numbers, the residual where it is added, the result: at most six. */
export function quantisedBindings({ plus, bits }: QuantisedShape, words: string): KernelBinding[] {
  return [
    reads('x', VECTORS),
    reads('words', words),
    ...(bits === 16 ? [] : [reads('scales')]),
    reads('q', 'array<u32>'),
    ...(plus === 'residual' ? [reads('r', VECTORS)] : []),
    writes('y', VECTORS),
  ];
}

/** `four(word, first)`: four levels of a word, from its element `first` on; of 16 bits, the halves of two words. */
export const LEVELS: Record<QuantisedBits, string> = {
  16: `fn four(words: vec2u) -> vec4f { return vec4f(unpack2x16float(words.x), unpack2x16float(words.y)); }`,
  8: `fn four(word: u32, first: u32) -> vec4f {
return vec4f(vec4i(vec4u(word) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));
}`,
  4: `fn four(word: u32, first: u32) -> vec4f {
return vec4f(vec4i(vec4u(word >> (first * 4u)) << vec4u(28u, 24u, 20u, 16u)) >> vec4u(28u));
}`,
};

/** `levels(at)`: four neighbours of `words`, an array of u32, from element `at` on; `scale(at)` is what they stand for. */
export function elementReader(bits: QuantisedBits): string {
  if (bits === 16) {
    return `${LEVELS[16]}
fn levels(at: u32) -> vec4f { return four(vec2u(words[at / 2u], words[at / 2u + 1u])); }
fn scale(at: u32) -> f32 { return 1.0; }`;
  }
  const perWord = 32 / bits;
  return `${LEVELS[bits]}
fn levels(at: u32) -> vec4f { return four(words[at / ${perWord}u], at % ${perWord}u); }
fn scale(at: u32) -> f32 { return scales[at / ${GROUP_SIZE}u]; }`;
}

/** `at`: index into y of four neighbours, `value` what was summed up for them. */
export const storeQuantised = ({ plus }: QuantisedShape, at: string, value: string): string =>
  `{ let at = ${at}; var v = ${value}; ${plus === 'residual' ? 'v += r[at];' : 'if (adds != 0u) { v += y[at]; }'} y[at] = v; }`;
