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
        encode({ values, from, out, to }, name);
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

/** One block of `values` from `from` to the bytes at `to`. */
interface Block {
  values: Float32Array;
  from: number;
  out: Uint8Array;
  to: number;
}

/** The value farthest from zero, with its sign; NaN where there is one. */
function extreme({ values, from }: Block): number {
  let found = 0;
  for (let i = from; i < from + 32; i += 1) {
    const value = values[i] ?? 0;
    if (Number.isNaN(value)) return value;
    if (Math.abs(value) > Math.abs(found)) found = value;
  }
  return found;
}

function putHalf({ out, to }: Block, value: number): void {
  const bits = floatToHalf(value);
  out[to] = bits & 255;
  out[to + 1] = bits >> 8;
}

/** Half away from zero, as C's roundf. */
function roundAway(value: number): number {
  return value < 0 ? -Math.floor(0.5 - value) : Math.floor(value + 0.5);
}

/** d = max |x| / 127, then 32 bytes round(x / d). All arithmetic is rounded to 32 bits, as the reference's is. */
function encodeQ8Block(block: Block, name: string): void {
  const most = extreme(block);
  const d = Math.fround(Math.abs(most) / 127);
  if (!(d <= LARGEST_HALF)) throw notStorable('Q8_0', most, name);
  const inverse = d === 0 ? 0 : Math.fround(1 / d);
  putHalf(block, d);
  const { values, from, out, to } = block;
  for (let i = 0; i < 32; i += 1) {
    out[to + 2 + i] = roundAway(Math.fround((values[from + i] ?? 0) * inverse));
  }
}

/** d = the extreme / -8, so that it is stored exactly as level 0; levels 0 to 15 stand for -8 to 7. */
function encodeQ4Block(block: Block, name: string): void {
  const most = extreme(block);
  const d = Math.fround(most / -8);
  if (!(Math.abs(d) <= LARGEST_HALF)) throw notStorable('Q4_0', most, name);
  const inverse = d === 0 ? 0 : Math.fround(1 / d);
  putHalf(block, d);
  const { values, from, out, to } = block;
  for (let j = 0; j < 16; j += 1) {
    const low = level(values[from + j] ?? 0, inverse);
    out[to + 2 + j] = low | (level(values[from + j + 16] ?? 0, inverse) << 4);
  }
}

function level(value: number, inverse: number): number {
  return Math.min(15, Math.trunc(Math.fround(Math.fround(value * inverse) + 8.5)));
}
