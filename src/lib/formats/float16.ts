// Half precision and bfloat16 to 32-bit floats, where nothing is rounded, and back, where much is.

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);

/** IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits. */
export function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest half, of two the even one; what is too large becomes infinite. */
export function floatToHalf(value: number): number {
  floats[0] = value;
  const bits = words[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  if (size >= 0x477ff000) return sign | 0x7c00;
  // Below the smallest normal half, a half is a multiple of 2 ** -24.
  if (size < 0x38800000) return sign | roundToEven(Math.abs(floats[0]) * 2 ** 24);
  return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return below + (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? 1 : 0);
}

/** The upper half of a 32-bit float. */
export function bfloatToFloat(bits: number): number {
  words[0] = bits << 16;
  return floats[0] ?? NaN;
}

let halfTable: Float32Array | null = null;

/** All 65 536 half values by their bits: a look-up is many times faster than the arithmetic. */
function halves(): Float32Array {
  halfTable ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => halfToFloat(bits));
  return halfTable;
}

/** @param result as long as `bits`. */
export function halvesToFloats(
  bits: Uint16Array,
  result = new Float32Array(bits.length),
): Float32Array<ArrayBuffer> {
  const table = halves();
  for (let i = 0; i < bits.length; i += 1) result[i] = table[bits[i] ?? 0] ?? NaN;
  return result;
}

/** @param result as long as `bits`. */
export function bfloatsToFloats(
  bits: Uint16Array,
  result = new Float32Array(bits.length),
): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(result.buffer, result.byteOffset, result.length);
  // Two at a time where they lie as words do: half the loads.
  const paired = bits.byteOffset % 4 === 0 ? bits.length >> 1 : 0;
  const pairs = paired === 0 ? words : new Uint32Array(bits.buffer, bits.byteOffset, paired);
  for (let i = 0; i < paired; i += 1) {
    const pair = pairs[i] ?? 0;
    words[2 * i] = pair << 16;
    words[2 * i + 1] = pair & 0xffff0000;
  }
  for (let i = 2 * paired; i < bits.length; i += 1) words[i] = (bits[i] ?? 0) << 16;
  return result;
}

/** The nearest bfloats, of two the even one; not-a-numbers stay ones. */
export function floatsToBfloats(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i += 1) {
    const value = bits[i] ?? 0;
    const isNaN = (value & 0x7fffffff) > 0x7f800000;
    // Added below the bits that stay, this carries into them where the rest is more than half, or half of an odd one.
    result[i] = isNaN ? (value >>> 16) | 0x40 : (value + 0x7fff + ((value >>> 16) & 1)) >>> 16;
  }
  return result;
}
