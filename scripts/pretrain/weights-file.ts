// Named arrays as a safetensors file, for checkpoints (F32) and for the packaged model (F16), and back.
// https://huggingface.co/docs/safetensors: 8 bytes of header length, a JSON header, the arrays one after another.

export interface NamedArray {
  shape: number[];
  data: Float32Array<ArrayBuffer>;
}
export type NamedArrays = Map<string, NamedArray>;
export type Metadata = Record<string, string>;

interface Entry {
  dtype: 'F32' | 'F16';
  shape: number[];
  data_offsets: [number, number];
}

export function writeWeights(arrays: NamedArrays, dtype: Entry['dtype'], metadata: Metadata): Uint8Array {
  const header: Record<string, Entry | Metadata> = { __metadata__: metadata };
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { shape, data }] of arrays) {
    const values = dtype === 'F16' ? Uint16Array.from(data, toHalf) : data;
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    header[name] = { dtype, shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const text = JSON.stringify(header);
  const json = new TextEncoder().encode(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  return Buffer.concat([length, json, ...parts]);
}

export function readWeights(file: Uint8Array): { arrays: NamedArrays; metadata: Metadata } {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<string, Entry>;
  const { __metadata__: metadata, ...entries } = header as Record<string, Entry> & {
    __metadata__?: Metadata;
  };
  const arrays: NamedArrays = new Map();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(entries as Record<string, Entry>)) {
    const [begin, end] = data_offsets;
    // A copy: a Buffer's own slice would be a view of the whole file, and unaligned.
    const bytes = Uint8Array.from(file.subarray(8 + length + begin, 8 + length + end)).buffer;
    const data =
      dtype === 'F16' ? Float32Array.from(new Uint16Array(bytes), fromHalf) : new Float32Array(bytes);
    arrays.set(name, { shape, data });
  }
  return { arrays, metadata: metadata ?? {} };
}

const single = new Float32Array(1);
const bits = new Uint32Array(single.buffer);

/** IEEE 754 binary16, rounded to nearest, ties to even; subnormals kept. */
export function toHalf(value: number): number {
  single[0] = value;
  const source = bits[0] ?? 0;
  const sign = (source >>> 16) & 0x8000;
  const magnitude = Math.abs(value);
  if (!(magnitude < 65520)) return sign | (Number.isNaN(value) ? 0x7e00 : 0x7c00);
  if (magnitude < 2 ** -14) return sign | roundEven(magnitude * 2 ** 24);
  const exponent = ((source >>> 23) & 0xff) - 127;
  const mantissa = roundEven((magnitude / 2 ** exponent - 1) * 1024);
  return sign | (((exponent + 15) << 10) + mantissa);
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}
