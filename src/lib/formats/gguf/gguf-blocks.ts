// Blocks of ggml's storage types to 32-bit floats. Pure: bytes in, floats out, nothing kept but a table of halves. Layouts
// are those of ggml-common.h; a value is a small integer times the block's scale, in some types plus a minimum.
// https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h
import { bfloatsToFloats, halvesToFloats } from '../float16';
import { GGUF_LAYOUTS, type GgufType } from './gguf-types';

/** Decodes the block at byte `at` to the floats from `to`. */
type BlockDecoder = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void;

let halfTable: Float32Array | null = null;

function half(bytes: Uint8Array, at: number): number {
  halfTable ??= halvesToFloats(Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits));
  return halfTable[byteOf(bytes, at) | (byteOf(bytes, at + 1) << 8)] ?? NaN;
}

function byteOf(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

const int8 = (byte: number): number => (byte << 24) >> 24;

/** 4-bit types: byte j holds element j in its low half and element j + 16 in its high half; level q is q * scale + base. */
function nibbles(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  to: number,
  scale: number,
  base: number,
): void {
  for (let j = 0; j < 16; j += 1) {
    const byte = bytes[at + j] ?? 0;
    out[to + j] = (byte & 15) * scale + base;
    out[to + j + 16] = (byte >> 4) * scale + base;
  }
}

/** 5-bit types: as 4-bit ones, with the fifth bits in the four bytes before, bit i for element i. */
function fiveBits(
  bytes: Uint8Array,
  at: number,
  out: Float32Array,
  to: number,
  scale: number,
  base: number,
): void {
  const low = byteOf(bytes, at) | (byteOf(bytes, at + 1) << 8);
  const high = byteOf(bytes, at + 2) | (byteOf(bytes, at + 3) << 8);
  for (let j = 0; j < 16; j += 1) {
    const byte = bytes[at + 4 + j] ?? 0;
    out[to + j] = ((byte & 15) | (((low >> j) & 1) << 4)) * scale + base;
    out[to + j + 16] = ((byte >> 4) | (((high >> j) & 1) << 4)) * scale + base;
  }
}

/** Four elements a turn: the loop itself is what costs. */
function decodeQ8(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(bytes, at);
  for (let i = 0; i < 32; i += 4) {
    const from = at + 2 + i;
    out[to + i] = int8(bytes[from] ?? 0) * d;
    out[to + i + 1] = int8(bytes[from + 1] ?? 0) * d;
    out[to + i + 2] = int8(bytes[from + 2] ?? 0) * d;
    out[to + i + 3] = int8(bytes[from + 3] ?? 0) * d;
  }
}

/** What a level stands for: level * step - offset. */
const steps = new Float64Array(8);
const offsets = new Float64Array(8);

/**
 * Steps and offsets of the 8 sub-blocks of a K block, into `steps` and `offsets`. Scale and minimum of sub-block j out of the twelve bytes of a K block: 6 bits each. The first four lie in the low bits of
 * bytes j and j + 4; of the others the low four bits are in byte j + 4 and the high two on top of those.
 */
function readScales(bytes: Uint8Array, at: number): void {
  const d = half(bytes, at);
  const dMinimum = half(bytes, at + 2);
  for (let j = 0; j < 4; j += 1) {
    const scale = byteOf(bytes, at + 4 + j);
    const minimum = byteOf(bytes, at + 8 + j);
    const low = byteOf(bytes, at + 12 + j);
    steps[j] = d * (scale & 63);
    offsets[j] = dMinimum * (minimum & 63);
    steps[j + 4] = d * ((low & 15) | ((scale >> 6) << 4));
    offsets[j + 4] = dMinimum * ((low >> 4) | ((minimum >> 6) << 4));
  }
}

/** 256 elements in 8 sub-blocks of 32; two of them share the halves of 32 bytes. */
function decodeQ4K(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  readScales(bytes, at);
  for (let pair = 0; pair < 4; pair += 1) {
    const from = at + 16 + 32 * pair;
    const low = to + 64 * pair;
    const [step, offset] = [steps[2 * pair] ?? 0, offsets[2 * pair] ?? 0];
    const [nextStep, nextOffset] = [steps[2 * pair + 1] ?? 0, offsets[2 * pair + 1] ?? 0];
    for (let i = 0; i < 32; i += 1) {
      const byte = bytes[from + i] ?? 0;
      out[low + i] = (byte & 15) * step - offset;
      out[low + 32 + i] = (byte >> 4) * nextStep - nextOffset;
    }
  }
}

/** As Q4_K, with the fifth bits in 32 bytes before the others: bit j of byte i for element i of sub-block j. */
function decodeQ5K(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  readScales(bytes, at);
  for (let j = 0; j < 8; j += 1) {
    const from = at + 48 + 32 * (j >> 1);
    const shift = 4 * (j & 1);
    const [step, offset] = [steps[j] ?? 0, offsets[j] ?? 0];
    for (let i = 0; i < 32; i += 1) {
      const fifth = ((byteOf(bytes, at + 16 + i) >> j) & 1) << 4;
      const level = ((byteOf(bytes, from + i) >> shift) & 15) | fifth;
      out[to + 32 * j + i] = step * level - offset;
    }
  }
}

/** 256 elements in 16 sub-blocks of 16 with signed scales; low four bits, then high two bits, then scales, then d. */
function decodeQ6K(bytes: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(bytes, at + 208);
  for (let i = 0; i < 256; i += 1) {
    // Each half of 128 elements is four quarters of 32: two in the low and two in the high halves of 64 bytes.
    const part = i >> 7;
    const quarter = (i >> 5) & 3;
    const lane = i & 31;
    const low = byteOf(bytes, at + 64 * part + 32 * (quarter & 1) + lane) >> (4 * (quarter >> 1));
    const high = byteOf(bytes, at + 128 + 32 * part + lane) >> (2 * quarter);
    const quant = ((low & 15) | ((high & 3) << 4)) - 32;
    out[to + i] = d * int8(byteOf(bytes, at + 192 + (i >> 4))) * quant;
  }
}

const DECODERS: Record<Exclude<GgufType, 'F32' | 'F16' | 'BF16'>, BlockDecoder> = {
  Q8_0: decodeQ8,
  Q4_0: (bytes, at, out, to) => {
    const d = half(bytes, at);
    nibbles(bytes, at + 2, out, to, d, -8 * d);
  },
  Q4_1: (bytes, at, out, to) => {
    nibbles(bytes, at + 4, out, to, half(bytes, at), half(bytes, at + 2));
  },
  Q5_0: (bytes, at, out, to) => {
    const d = half(bytes, at);
    fiveBits(bytes, at + 2, out, to, d, -16 * d);
  },
  Q5_1: (bytes, at, out, to) => {
    fiveBits(bytes, at + 4, out, to, half(bytes, at), half(bytes, at + 2));
  },
  Q4_K: decodeQ4K,
  Q5_K: decodeQ5K,
  Q6_K: decodeQ6K,
};

/**
 * Whole blocks to floats, in their order.
 * @throws RangeError where the bytes are not a whole number of blocks.
 */
export function decodeBlocks(type: GgufType, bytes: ArrayBuffer): Float32Array<ArrayBuffer> {
  const { blockSize, blockBytes } = GGUF_LAYOUTS[type];
  const blocks = Math.floor(bytes.byteLength / blockBytes);
  // The floats of F32 are the bytes themselves.
  if (type === 'F32' && blocks * blockBytes === bytes.byteLength) return new Float32Array(bytes);
  const floats = new Float32Array(blocks * blockSize);
  unpackBlocks(type, new Uint8Array(bytes), floats);
  return floats;
}

/**
 * Whole blocks to floats in the memory of somebody else.
 * @param into as long as the blocks have elements.
 * @throws RangeError where the bytes are not a whole number of blocks.
 */
export function unpackBlocks(
  type: GgufType,
  bytes: Uint8Array<ArrayBuffer>,
  into: Float32Array<ArrayBuffer>,
): void {
  const { blockSize, blockBytes } = GGUF_LAYOUTS[type];
  if (bytes.length % blockBytes !== 0) {
    throw new RangeError(`${bytes.length} bytes are no whole number of ${type} blocks of ${blockBytes}.`);
  }
  switch (type) {
    case 'F32':
      new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(bytes);
      return;
    case 'F16':
    case 'BF16': {
      const even = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
      const halves = new Uint16Array(even.buffer, even.byteOffset, even.length / 2);
      (type === 'F16' ? halvesToFloats : bfloatsToFloats)(halves, into);
      return;
    }
    default: {
      const decode = DECODERS[type];
      const blocks = bytes.length / blockBytes;
      for (let i = 0; i < blocks; i += 1) decode(bytes, i * blockBytes, into, i * blockSize);
    }
  }
}
