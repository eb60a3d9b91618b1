// From the encodings of weights files to f32 on the GPU: blocks of ggml's types and halves as they lie in a file, at any even
// byte, rows of heads brought into the decoder's order on the way. The bits of the host's `unpackBlocks`, except that a zero
// may have the other sign: levels and scales have few enough digits that every step but the last addition is exact.
import { GGUF_LAYOUTS, type GgufType } from '../../../lib/formats/gguf/gguf-types';
import { reads, writes, type Kernel } from '../kernel';

/** What needs more than to be copied. */
export type PackedType = Exclude<GgufType, 'F32'>;

/** Invocations of a workgroup, one piece of a block each. */
export const UNPACK_WORKGROUP = 64;
/** Halves have no blocks of their own: so many are taken together. */
const HALVES = 16;

interface Unpacking {
  /** Elements of a block, its bytes, and into how many pieces it is cut. */
  blockSize: number;
  blockBytes: number;
  pieces: number;
  /** WGSL of one piece, number `piece` of the block at byte `at`; elements of the block go to `to` and on. */
  body: string;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const each = (count: number, line: (i: number) => string): string => range(count).map(line).join('\n  ');

const BYTES = 'vec4u(0u, 8u, 16u, 24u)';
/** Low and high halves of four bytes, and the bytes as signed numbers. */
const low = (word: string): string => `((vec4u(${word}) >> ${BYTES}) & vec4u(15u))`;
const high = (word: string): string => `((vec4u(${word}) >> (${BYTES} + vec4u(4u))) & vec4u(15u))`;
const signed = (word: string): string => `(vec4i(vec4u(${word}) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u))`;
/** Fifth bits of four elements, from bit `first` of a word on. */
const fifths = (word: string, first: number): string =>
  `(((vec4u(${word}) >> vec4u(${range(4)
    .map((i) => `${first + i}u`)
    .join(', ')})) & vec4u(1u)) << vec4u(4u))`;

const halvesBody = (value: (half: string) => string): string => `
  let count = place[5];
  let own = block * ${HALVES}u;
  ${each(
    HALVES / 2,
    (i) => `{
    let pair = word(at + ${4 * i}u);
    if (own + ${2 * i}u < count) { weights[to + ${2 * i}u] = ${value('(pair & 0xffffu)')}; }
    if (own + ${2 * i + 1}u < count) { weights[to + ${2 * i + 1}u] = ${value('(pair >> 16u)')}; }
  }`,
  )}`;

/** 32 elements, the first 16 in low halves of bytes, from byte `quants` on; `base` is added to each. */
const foursBody = (scales: string, quants: number, fifth: number | null): string => `
  ${scales}
  ${fifth === null ? '' : `let fifth = word(at + ${fifth}u);`}
  ${each(4, (i) => {
    const lows = fifth === null ? low('w') : `(${low('w')} | ${fifths('fifth', 4 * i)})`;
    const highs = fifth === null ? high('w') : `(${high('w')} | ${fifths('fifth', 16 + 4 * i)})`;
    return `{
    let w = word(at + ${quants + 4 * i}u);
    weights[to + ${i}u] = vec4f(${lows}) * d + vec4f(base);
    weights[to + ${i + 4}u] = vec4f(${highs}) * d + vec4f(base);
  }`;
  })}`;

const scaled = (zero: number): string => `let d = half(word(at) & 0xffffu); let base = ${-zero}.0 * d;`;
const WITH_MINIMUM = 'let both = word(at); let d = half(both & 0xffffu); let base = half(both >> 16u);';

/** Scales and minimums of the two sub-blocks of a pair, out of the twelve bytes of a K block. */
const PAIR_SCALES = `
  let both = word(at);
  let turn = (piece % 2u) * 16u;
  let a = word(at + 4u) >> turn;
  let b = word(at + 8u) >> turn;
  let c = word(at + 12u) >> turn;
  var scale = vec2u(a, a >> 8u) & vec2u(63u);
  var least = vec2u(b, b >> 8u) & vec2u(63u);
  if (piece >= 2u) {
    scale = (vec2u(c, c >> 8u) & vec2u(15u)) | ((vec2u(a >> 6u, a >> 14u) & vec2u(3u)) << vec2u(4u));
    least = (vec2u(c >> 4u, c >> 12u) & vec2u(15u)) | ((vec2u(b >> 6u, b >> 14u) & vec2u(3u)) << vec2u(4u));
  }
  let step = half(both & 0xffffu) * vec2f(scale);
  let offset = half(both >> 16u) * vec2f(least);`;

/** A pair of sub-blocks of 32: low and high halves of the same bytes. @param fifth byte of the fifth bits. */
const pairBody = (quants: number, fifth: number | null): string => `${PAIR_SCALES}
  ${each(8, (i) => {
    const bit = (side: number): string =>
      fifth === null
        ? 'vec4u()'
        : `(((vec4u(word(at + ${fifth + 4 * i}u)) >> (${BYTES} + vec4u(2u * piece + ${side}u))) & vec4u(1u)) << vec4u(4u))`;
    return `{
    let w = word(at + ${quants + 4 * i}u + 32u * piece);
    weights[to + 16u * piece + ${i}u] = vec4f(${low('w')} | ${bit(0)}) * step.x - vec4f(offset.x);
    weights[to + 16u * piece + ${i + 8}u] = vec4f(${high('w')} | ${bit(1)}) * step.y - vec4f(offset.y);
  }`;
  })}`;

/** Half of a block: four quarters of 32, in low and high halves of 64 bytes, two high bits each in 32 others. */
const sixesBody = `
  let d = half(word(at + 208u) & 0xffffu);
  let scales = array<vec4f, 2>(
    vec4f(${signed('word(at + 192u + 8u * piece)')}) * d,
    vec4f(${signed('word(at + 196u + 8u * piece)')}) * d,
  );
  ${each(8, (i) => {
    const quarter = (k: number): string => {
      const level = k < 2 ? low(k % 2 === 0 ? 'w' : 'v') : high(k % 2 === 0 ? 'w' : 'v');
      const top = `(((vec4u(h) >> (${BYTES} + vec4u(${2 * k}u))) & vec4u(3u)) << vec4u(4u))`;
      const scale = 2 * k + (i >> 2);
      return `weights[to + 32u * piece + ${8 * k + i}u] = vec4f(vec4i(${level} | ${top}) - vec4i(32)) * scales[${scale >> 2}].${'xyzw'.charAt(scale & 3)};`;
    };
    return `{
    let w = word(at + ${4 * i}u + 64u * piece);
    let v = word(at + ${32 + 4 * i}u + 64u * piece);
    let h = word(at + ${128 + 4 * i}u + 32u * piece);
    ${range(4).map(quarter).join('\n    ')}
  }`;
  })}`;

const eightsBody = `
  let d = half(word(at) & 0xffffu);
  ${each(8, (i) => `weights[to + ${i}u] = vec4f(${signed(`word(at + ${2 + 4 * i}u)`)}) * d;`)}`;

const BODIES: Record<Exclude<PackedType, 'F16' | 'BF16'>, Pick<Unpacking, 'pieces' | 'body'>> = {
  Q8_0: { pieces: 1, body: eightsBody },
  Q4_0: { pieces: 1, body: foursBody(scaled(8), 2, null) },
  Q4_1: { pieces: 1, body: foursBody(WITH_MINIMUM, 4, null) },
  Q5_0: { pieces: 1, body: foursBody(scaled(16), 6, 2) },
  Q5_1: { pieces: 1, body: foursBody(WITH_MINIMUM, 8, 4) },
  Q4_K: { pieces: 4, body: pairBody(16, null) },
  Q5_K: { pieces: 4, body: pairBody(48, 16) },
  Q6_K: { pieces: 2, body: sixesBody },
};

/** In elements and bytes, with what rows and targets have to be multiples of. */
export function unpackingOf(type: PackedType): Unpacking {
  if (type === 'F16' || type === 'BF16') {
    const body = halvesBody((half) => (type === 'F16' ? `half_bits(${half})` : `${half} << 16u`));
    return { blockSize: HALVES, blockBytes: 2 * HALVES, pieces: 1, body };
  }
  return { ...GGUF_LAYOUTS[type], ...BODIES[type] };
}

const isHalves = (type: PackedType): boolean => type === 'F16' || type === 'BF16';

/** Elements that are written at once: targets begin at multiples of it. */
export const unpackStep = (type: PackedType): number => (isHalves(type) ? 1 : 4);

/** Worked out in whole numbers: what `unpack2x16float` makes of subnormal and infinite halves is the device's choice. */
const COMMON = `
fn half_bits(bits: u32) -> u32 {
  let size = bits & 0x7fffu;
  // Below the smallest normal half, a half is a multiple of 2^-24.
  let small = bitcast<u32>(f32(size) * 5.9604644775390625e-8);
  let large = (size << 13u) + select(0x38000000u, 0x70000000u, size >= 0x7c00u);
  return ((bits & 0x8000u) << 16u) | select(large, small, size < 0x400u);
}
fn half(bits: u32) -> f32 { return bitcast<f32>(half_bits(bits)); }
/** Four bytes from an even one on. */
fn word(at: u32) -> u32 {
  let first = source[at >> 2u];
  if ((at & 2u) == 0u) { return first; }
  return (first >> 16u) | (source[(at >> 2u) + 1u] << 16u);
}
/** Where a block goes: rows of a head lie in pairs, the first halves of all pairs come first. */
fn target_of(block: u32) -> u32 {
  if (place[4] <= 2u) { return block; }
  let row = (block / place[3]) % place[4];
  return block + ((row % 2u) * (place[4] / 2u) + row / 2u - row) * place[3];
}`;

/**
 * Bindings: bytes as u32; `place`: blocks, byte of the first one, element of the target for it, blocks in a row, rows in a
 * head (0 where rows are in place), elements; the target from its beginning.
 */
export function unpackKernel(type: PackedType): Kernel {
  const { blockSize, blockBytes, pieces, body } = unpackingOf(type);
  const step = unpackStep(type);
  return {
    name: `unpack ${type}`,
    variant: `unpack ${type}`,
    bindings: [
      reads('source', 'array<u32>'),
      reads('place', 'array<u32>'),
      writes('weights', isHalves(type) ? 'array<u32>' : 'array<vec4<f32>>'),
    ],
    code: `${COMMON}
@compute @workgroup_size(${UNPACK_WORKGROUP}) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let block = id.x / ${pieces}u;
  let piece = id.x % ${pieces}u;
  if (block >= place[0]) { return; }
  let at = place[1] + block * ${blockBytes}u;
  let to = place[2] / ${step}u + target_of(block) * ${blockSize / step}u;
  ${body}
}`,
    workgroups: [1, 1, 1],
    flops: 1,
  };
}
