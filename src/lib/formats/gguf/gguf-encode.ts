// 32-bit floats to the storage types that are written, rounded as llama.cpp's reference does, bit for bit.
// https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c (quantize_row_q8_0_ref, quantize_row_q4_0_ref)
import { AppError } from '../../errors';
import { floatToHalf } from '../float16';
import { GGUF_LAYOUTS, type GgufType } from './gguf-types';

export type GgufWritableType = Extract<GgufType, 'F32' | 'F16' | 'Q8_0' | 'Q4_0'>;

const LARGEST_HALF = 65_504;

function notStorable(type: GgufWritableType, value: number, name: string): AppError<'model.unsupported'> {
  return new AppError('model.unsupported', `${name} holds ${value}, which ${type} cannot store.`, {
    details: { tensor: name, type },
    remedy: 'Export as F32, or train with a lower learning rate so that weights stay small.',
  });
}

/**
 * Floats to bytes. F32 stores anything; the others refuse what they would turn into infinity or nonsense.
 * @param name of the tensor, for the complaint.
 * @throws RangeError where the values are no whole number of blocks; AppError `model.unsupported` for a value.
 */
export function encodeBlocks(
  type: GgufWritableType,
  values: Float32Array<ArrayBuffer>,
  name: string,
): Uint8Array<ArrayBuffer> {
  const { blockSize, blockBytes } = GGUF_LAYOUTS[type];
  if (values.length % blockSize !== 0) {
    throw new RangeError(`${values.length} values of ${name} are no whole number of blocks of ${blockSize}.`);
  }
  switch (type) {
    case 'F32':
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    case 'F16':
      return encodeHalves(values, name);
    case 'Q8_0':
    case 'Q4_0': {
      const out = new Uint8Array((values.length / blockSize) * blockBytes);
      const encode = type === 'Q8_0' ? encodeQ8Block : encodeQ4Block;
      for (let from = 0, to = 0; from < values.length; from += blockSize, to += blockBytes) {
        encode(values.subarray(from, from + blockSize), out.subarray(to, to + blockBytes), name);
      }
      return out;
    }
  }
}

function encodeHalves(values: Float32Array, name: string): Uint8Array<ArrayBuffer> {
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i] ?? 0;
    const bits = floatToHalf(value);
    if ((bits & 0x7c00) === 0x7c00) throw notStorable('F16', value, name);
    halves[i] = bits;
  }
  return new Uint8Array(halves.buffer);
}

/** The value farthest from zero, with its sign; NaN where there is one. */
function extreme(values: Float32Array): number {
  let found = 0;
  for (const value of values) {
    if (Number.isNaN(value)) return value;
    if (Math.abs(value) > Math.abs(found)) found = value;
  }
  return found;
}

function putHalf(block: Uint8Array, value: number): void {
  const bits = floatToHalf(value);
  block[0] = bits & 255;
  block[1] = bits >> 8;
}

/** Half away from zero, as C's roundf. */
function roundAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}

/** d = max |x| / 127, then 32 bytes round(x / d). All arithmetic is rounded to 32 bits, as the reference's is. */
function encodeQ8Block(values: Float32Array, block: Uint8Array, name: string): void {
  const most = extreme(values);
  const d = Math.fround(Math.abs(most) / 127);
  if (!(d <= LARGEST_HALF)) throw notStorable('Q8_0', most, name);
  const inverse = d === 0 ? 0 : Math.fround(1 / d);
  putHalf(block, d);
  values.forEach((value, i) => {
    block[2 + i] = roundAway(Math.fround(value * inverse));
  });
}

/** d = the extreme / -8, so that it is stored exactly as level 0; levels 0 to 15 stand for -8 to 7. */
function encodeQ4Block(values: Float32Array, block: Uint8Array, name: string): void {
  const most = extreme(values);
  const d = Math.fround(most / -8);
  if (!(Math.abs(d) <= LARGEST_HALF)) throw notStorable('Q4_0', most, name);
  const inverse = d === 0 ? 0 : Math.fround(1 / d);
  putHalf(block, d);
  const level = (i: number): number => {
    const scaled = Math.fround(Math.fround((values[i] ?? 0) * inverse) + 8.5);
    return Math.min(15, Math.trunc(scaled));
  };
  for (let j = 0; j < 16; j += 1) block[2 + j] = level(j) | (level(j + 16) << 4);
}
