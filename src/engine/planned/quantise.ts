// Weights in few bits, on the host: the format, and the reference that the GPU's kernel has to match bit for bit.
// Integers are symmetric, in groups of 32 along a row; a group has one f32 scale. Elements lie in ascending order from the
// low bits of each u32, two's complement: four of 8 bits or eight of 4. 16 bits are two halves (IEEE binary16), with no
// scale; what a half cannot hold becomes its largest number. Pure.
import { floatToHalf, halfToFloat } from '../../lib/formats/float16';
import type { WeightStorage } from '../../protocol/models';
import { elements } from './elements';

export type QuantisedBits = 4 | 8 | 16;
/** Kept as levels times a scale. */
export type LevelBits = Exclude<QuantisedBits, 16>;
/** How a matrix is kept. */
export type Storage = WeightStorage;

export const GROUP_SIZE = 32;
/** Scales keep this many low bits of their mantissa at zero: a scale times any level, and halves between levels, is exact. */
const SCALE_ROUNDING = 0x80;
const SCALE_MASK = 0xffffff00;
/** A group that stays below it is all zero: GPUs may flush what its scale would be. */
export const TINY = 1e-30;

export interface QuantisedArray {
  bits: QuantisedBits;
  /** [rows, columns * bits / 32] */
  words: Uint32Array<ArrayBuffer>;
  /** [rows, columns / 32]; empty for 16 bits. */
  scales: Float32Array<ArrayBuffer>;
}

/** Largest level; levels are symmetric. */
export const maxLevel = (bits: LevelBits): number => (bits === 8 ? 127 : 7);

const BITS: Record<Exclude<Storage, 'f32'>, QuantisedBits> = { f16: 16, int8: 8, int4: 4 };

export const bitsOf = (storage: Exclude<Storage, 'f32'>): QuantisedBits => BITS[storage];

/** Bytes of the words and of the scales of an array. */
export function quantisedBytes(
  shape: readonly number[],
  bits: QuantisedBits,
): { words: number; scales: number } {
  const count = elements(shape);
  return { words: (count * bits) / 8, scales: bits === 16 ? 0 : (count / GROUP_SIZE) * 4 };
}

/** Whether groups fill rows and products can read and write four elements at a time; other arrays stay f32. */
export function isQuantisable(shape: readonly number[]): boolean {
  const [rows = 0, columns = 0] = shape;
  return shape.length === 2 && columns % GROUP_SIZE === 0 && rows % 4 === 0;
}

const floats = new Float32Array(1);
const pattern = new Uint32Array(floats.buffer);

/** f32 of the largest magnitude over the largest level, its mantissa cut. */
function scaleOf(largest: number, bits: LevelBits): number {
  if (largest < TINY) return 0;
  floats[0] = largest * Math.fround(1 / maxLevel(bits));
  pattern[0] = ((pattern[0] ?? 0) + SCALE_ROUNDING) & SCALE_MASK;
  return floats[0];
}

/** Halves go away from zero. */
function levelOf(value: number, scale: number, bits: LevelBits): number {
  if (scale === 0) return 0;
  const level = Math.min(maxLevel(bits), Math.floor(Math.abs(value) / scale + 0.5));
  return value < 0 ? -level : level;
}

/** @param data rows whose length is a multiple of 32. @throws RangeError for another size. */
export function quantise(data: Float32Array, bits: QuantisedBits): QuantisedArray {
  if (data.length % GROUP_SIZE !== 0) {
    throw new RangeError(`${data.length} elements are no whole number of groups of ${GROUP_SIZE}.`);
  }
  return bits === 16 ? halves(data) : levels(data, bits);
}

const LARGEST_HALF = 65_504;

function halves(data: Float32Array): QuantisedArray {
  const kept = Uint16Array.from(data, (value) =>
    floatToHalf(Math.max(-LARGEST_HALF, Math.min(LARGEST_HALF, value))),
  );
  return { bits: 16, words: new Uint32Array(kept.buffer), scales: new Float32Array() };
}

function levels(data: Float32Array, bits: LevelBits): QuantisedArray {
  const perWord = 32 / bits;
  const words = new Uint32Array(data.length / perWord);
  const scales = new Float32Array(data.length / GROUP_SIZE);
  for (let group = 0; group < scales.length; group += 1) {
    const start = group * GROUP_SIZE;
    let largest = 0;
    for (let i = start; i < start + GROUP_SIZE; i += 1) largest = Math.max(largest, Math.abs(data[i] ?? 0));
    const scale = scaleOf(largest, bits);
    scales[group] = scale;
    for (let i = start; i < start + GROUP_SIZE; i += 1) {
      const level = levelOf(data[i] ?? 0, scale, bits) & (2 ** bits - 1);
      const word = Math.floor(i / perWord);
      words[word] = (words[word] ?? 0) | (level << ((i % perWord) * bits));
    }
  }
  return { bits, words, scales };
}

/** What products see; exact in f32. */
export function dequantise({ bits, words, scales }: QuantisedArray): Float32Array<ArrayBuffer> {
  if (bits === 16) return Float32Array.from(new Uint16Array(words.buffer), halfToFloat);
  const perWord = 32 / bits;
  const data = new Float32Array(words.length * perWord);
  for (let i = 0; i < data.length; i += 1) {
    const word = words[Math.floor(i / perWord)] ?? 0;
    const level = (word << (32 - bits - (i % perWord) * bits)) >> (32 - bits);
    data[i] = level * (scales[Math.floor(i / GROUP_SIZE)] ?? 0);
  }
  return data;
}

/** Root mean square of what quantising changed over that of the array; zero for an array of zeros. */
export function quantisationError(data: Float32Array, quantised: QuantisedArray): number {
  const kept = dequantise(quantised);
  let [error, norm] = [0, 0];
  data.forEach((value, i) => {
    error += ((kept[i] ?? 0) - value) ** 2;
    norm += value ** 2;
  });
  return norm === 0 ? 0 : Math.sqrt(error / norm);
}
