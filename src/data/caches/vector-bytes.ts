// A vector as bytes, and back: 16-bit floats where they keep its direction and its length, 32-bit floats otherwise. A checksum
// stands in front: what cannot be trusted is told from what can, and made again.
//
//   Uint32  mark, checksum of all that follows, bytes of a value, values
//   values, filled up to whole words
import { floatToHalf, halvesToFloats } from '../../lib/formats/float16';
import { checksum } from './checksum';

/** Says the layout: another one gets another mark. */
const MARK = 0x3176_6b46;
const HEADER_BYTES = 16;
/** Part of its length that a vector may be off in halves: a cosine changes by half the square of it. */
const CLOSE = 1e-3;

export function vectorToBytes(vector: Float32Array): Uint8Array<ArrayBuffer> {
  const halves = Uint16Array.from(vector, floatToHalf);
  const values = isClose(halvesToFloats(halves), vector) ? halves : Float32Array.from(vector);
  const bytes = new Uint8Array(HEADER_BYTES + Math.ceil(values.byteLength / 4) * 4);
  bytes.set(new Uint8Array(values.buffer), HEADER_BYTES);
  const words = new Uint32Array(bytes.buffer);
  words.set([MARK, 0, values.BYTES_PER_ELEMENT, vector.length]);
  words[1] = checksum(words.subarray(2));
  return bytes;
}

/** @returns null where the bytes are not whole. */
export function vectorFromBytes(bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> | null {
  if (bytes.byteOffset % 4 !== 0 || bytes.length % 4 !== 0 || bytes.length < HEADER_BYTES) return null;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const [mark, sum, width = 0, count = 0] = words;
  if (mark !== MARK || sum !== checksum(words.subarray(2))) return null;
  const start = bytes.byteOffset + HEADER_BYTES;
  if (width === 2) return halvesToFloats(new Uint16Array(bytes.buffer, start, count));
  return new Float32Array(bytes.buffer, start, count).slice();
}

function isClose(rounded: Float32Array, exact: Float32Array): boolean {
  let [off, length] = [0, 0];
  exact.forEach((value, i) => {
    off += ((rounded[i] ?? NaN) - value) ** 2;
    length += value ** 2;
  });
  return off <= CLOSE ** 2 * length;
}
