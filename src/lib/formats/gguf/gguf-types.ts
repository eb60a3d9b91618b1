// What a GGUF file is made of, as plain data: value types, storage types of tensors, and how a header looks once read.
// Numbers and names are those of the format. Reading and writing are other files'.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

/** 'GGUF', read as a little-endian number. */
export const GGUF_MAGIC = 0x46554747;
/** Version 1 had 32-bit counts and lived for days; 2 and 3 differ only in that 3 allows big-endian files. */
export const GGUF_VERSIONS: readonly number[] = [2, 3];
export const DEFAULT_ALIGNMENT = 32;
export const ALIGNMENT_KEY = 'general.alignment';
/** GGML_MAX_DIMS. */
export const MAX_DIMENSIONS = 4;

/** Types of metadata by their numbers in the file. */
export const GGUF_VALUE_TYPES = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;
export type GgufValueType = (typeof GGUF_VALUE_TYPES)[number];
export type GgufNumberType = Exclude<GgufValueType, 'bool' | 'string' | 'array' | 'uint64' | 'int64'>;

export type GgufScalar =
  | { type: GgufNumberType; value: number }
  | { type: 'uint64' | 'int64'; value: bigint }
  | { type: 'bool'; value: boolean }
  | { type: 'string'; value: string };

/** Elements of one type; `of` names it. */
export type GgufArray = { type: 'array' } & (
  | { of: GgufNumberType; values: readonly number[] }
  | { of: 'uint64' | 'int64'; values: readonly bigint[] }
  | { of: 'bool'; values: readonly boolean[] }
  | { of: 'string'; values: readonly string[] }
  | { of: 'array'; values: readonly GgufArray[] }
);

export type GgufValue = GgufScalar | GgufArray;
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

/** Bytes of a value; of a string, an array its length field, which is the least it takes. */
export const LEAST_VALUE_BYTES: Record<GgufValueType, number> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  bool: 1,
  string: 8,
  array: 12,
  uint64: 8,
  int64: 8,
  float64: 8,
};

export interface GgufLayout {
  /** Number in the file (ggml_type). */
  id: number;
  /** Elements that are stored together. */
  blockSize: number;
  blockBytes: number;
}

/** Storage types that are read. Blocks never cross a row. */
export const GGUF_LAYOUTS = {
  F32: { id: 0, blockSize: 1, blockBytes: 4 },
  F16: { id: 1, blockSize: 1, blockBytes: 2 },
  Q4_0: { id: 2, blockSize: 32, blockBytes: 18 },
  Q4_1: { id: 3, blockSize: 32, blockBytes: 20 },
  Q5_0: { id: 6, blockSize: 32, blockBytes: 22 },
  Q5_1: { id: 7, blockSize: 32, blockBytes: 24 },
  Q8_0: { id: 8, blockSize: 32, blockBytes: 34 },
  Q4_K: { id: 12, blockSize: 256, blockBytes: 144 },
  Q5_K: { id: 13, blockSize: 256, blockBytes: 176 },
  Q6_K: { id: 14, blockSize: 256, blockBytes: 210 },
  BF16: { id: 30, blockSize: 1, blockBytes: 2 },
} as const satisfies Record<string, GgufLayout>;
export type GgufType = keyof typeof GGUF_LAYOUTS;
export const GGUF_TYPES = Object.keys(GGUF_LAYOUTS) as GgufType[];

/** Storage types that others write and that are not read here, so that a refusal can name them. */
export const OTHER_TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  [4, 'Q4_2'],
  [5, 'Q4_3'],
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
]);

export interface GgufEntry {
  type: GgufType;
  /** Row-major, outermost first: the reverse of the file's own order. */
  shape: number[];
  /** Bytes from the start of the file. */
  begin: number;
  end: number;
}

export interface GgufHeader {
  version: number;
  metadata: GgufMetadata;
  tensors: ReadonlyMap<string, GgufEntry>;
  /** Bytes; tensors start at multiples of it. */
  alignment: number;
  /** Bytes from the start of the file to the first tensor's place. */
  dataStart: number;
}

/** The next multiple of `alignment`, in bytes. */
export function aligned(position: number, alignment: number): number {
  return Math.ceil(position / alignment) * alignment;
}
