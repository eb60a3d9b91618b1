// A growing run of little-endian bytes: the header of a GGUF file while it is written. Holds the header, never tensors.
import {
  GGUF_VALUE_TYPES,
  LEAST_VALUE_BYTES,
  type GgufArray,
  type GgufNumberType,
  type GgufScalar,
  type GgufValue,
  type GgufValueType,
} from './gguf-types';

const WRITE_NUMBER: Record<GgufNumberType, (view: DataView, at: number, value: number) => void> = {
  uint8: (view, at, value) => view.setUint8(at, value),
  int8: (view, at, value) => view.setInt8(at, value),
  uint16: (view, at, value) => view.setUint16(at, value, true),
  int16: (view, at, value) => view.setInt16(at, value, true),
  uint32: (view, at, value) => view.setUint32(at, value, true),
  int32: (view, at, value) => view.setInt32(at, value, true),
  float32: (view, at, value) => view.setFloat32(at, value, true),
  float64: (view, at, value) => view.setFloat64(at, value, true),
};

const RANGES: Partial<Record<GgufNumberType, [least: number, most: number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint32: [0, 2 ** 32 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};

export class GgufBytes {
  readonly #utf8 = new TextEncoder();
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** The bytes so far; valid until the next write. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  uint32(value: number): void {
    this.#number('uint32', value);
  }

  uint64(value: bigint | number): void {
    const exact = BigInt(value);
    if (exact < 0n || exact >= 1n << 64n) throw new RangeError(`${exact} is no uint64.`);
    const at = this.#grow(8);
    this.#view.setBigUint64(at, exact, true);
  }

  string(text: string): void {
    const encoded = this.#utf8.encode(text);
    this.uint64(encoded.length);
    const at = this.#grow(encoded.length);
    this.#bytes.set(encoded, at);
  }

  zeros(count: number): void {
    this.#grow(count);
  }

  /** Type, then value. @throws RangeError for a number that its type cannot hold. */
  value(value: GgufValue): void {
    this.#type(value.type);
    if (value.type === 'array') this.#array(value);
    else this.#scalar(value);
  }

  #array(array: GgufArray): void {
    this.#type(array.of);
    this.uint64(array.values.length);
    switch (array.of) {
      case 'array':
        for (const value of array.values) this.#array(value);
        return;
      case 'string':
        for (const value of array.values) this.string(value);
        return;
      case 'bool':
        for (const value of array.values) this.#scalar({ type: array.of, value });
        return;
      case 'uint64':
      case 'int64':
        for (const value of array.values) this.#scalar({ type: array.of, value });
        return;
      default:
        for (const value of array.values) this.#number(array.of, value);
    }
  }

  #scalar(scalar: GgufScalar): void {
    switch (scalar.type) {
      case 'string':
        return this.string(scalar.value);
      case 'bool':
        return this.#number('uint8', scalar.value ? 1 : 0);
      case 'uint64':
        return this.uint64(scalar.value);
      case 'int64':
        return this.#int64(scalar.value);
      default:
        return this.#number(scalar.type, scalar.value);
    }
  }

  #int64(value: bigint): void {
    if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${value} is no int64.`);
    const at = this.#grow(8);
    this.#view.setBigInt64(at, value, true);
  }

  #number(type: GgufNumberType, value: number): void {
    const range = RANGES[type];
    if (range !== undefined && !(Number.isInteger(value) && value >= range[0] && value <= range[1])) {
      throw new RangeError(`${value} is no ${type}.`);
    }
    const at = this.#grow(LEAST_VALUE_BYTES[type]);
    WRITE_NUMBER[type](this.#view, at, value);
  }

  #type(type: GgufValueType): void {
    this.uint32(GGUF_VALUE_TYPES.indexOf(type));
  }

  /** Room for more; returns where it begins. What was never written is zero. */
  #grow(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
