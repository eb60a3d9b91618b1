// GGUF bytes put together field by field, for tests: nothing is checked, so that every lie can be told. Shares no code with
// the writer, and has the format's numbers of its own.
import type { GgufValueType } from '../gguf-types';

export type Field = Uint8Array<ArrayBuffer>;

const field = (bytes: number, write: (view: DataView) => void): Field => {
  const view = new DataView(new ArrayBuffer(bytes));
  write(view);
  return new Uint8Array(view.buffer);
};

export const u8 = (value: number): Field => Uint8Array.of(value);
export const u32 = (value: number): Field => field(4, (view) => view.setUint32(0, value, true));
export const u64 = (value: bigint | number): Field =>
  field(8, (view) => view.setBigUint64(0, BigInt(value), true));

export function text(value: string, claimedLength?: bigint): Field {
  const bytes = new TextEncoder().encode(value);
  return join([u64(claimedLength ?? bytes.length), bytes]);
}

export function join(fields: readonly Field[]): Field {
  const result = new Uint8Array(fields.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of fields) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

const TYPE_NUMBERS: Record<GgufValueType, number> = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
};

export const typeNumber = (type: GgufValueType): Field => u32(TYPE_NUMBERS[type]);

/** A key with the value that the fields make. */
export function rawKey(name: string, type: GgufValueType, ...value: Field[]): Field {
  return join([text(name), typeNumber(type), ...value]);
}

export interface RawTensor {
  name?: string;
  /** In the file's order, innermost first. */
  sizes?: (bigint | number)[];
  dimensions?: number;
  type?: number;
  offset?: bigint | number;
}

export function rawTensor({ name = 't', sizes = [4], dimensions, type = 0, offset = 0 }: RawTensor): Field {
  return join([text(name), u32(dimensions ?? sizes.length), ...sizes.map(u64), u32(type), u64(offset)]);
}

export interface RawGguf {
  magic?: number;
  version?: number;
  tensorCount?: bigint;
  keyCount?: bigint;
  /** Key, type and value of each. */
  keys?: Field[];
  tensors?: RawTensor[];
  dataBytes?: number;
}

/** A file whose data starts at a multiple of 32, as zeros. */
export function rawGguf(raw: RawGguf): Blob {
  const { keys = [], tensors = [], dataBytes = 0 } = raw;
  const header = join([
    u32(raw.magic ?? 0x46554747),
    u32(raw.version ?? 3),
    u64(raw.tensorCount ?? tensors.length),
    u64(raw.keyCount ?? keys.length),
    ...keys,
    ...tensors.map(rawTensor),
  ]);
  const padding = dataBytes === 0 ? 0 : (32 - (header.length % 32)) % 32;
  return new Blob([header, new Uint8Array(padding + dataBytes)]);
}
