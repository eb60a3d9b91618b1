// What an ONNX file says of its graph, without its weights.

/** Element types by their numbers in TensorProto.DataType, with the bits of one element. */
export const ONNX_ELEMENTS = {
  float32: { id: 1, bits: 32 },
  uint8: { id: 2, bits: 8 },
  int8: { id: 3, bits: 8 },
  uint16: { id: 4, bits: 16 },
  int16: { id: 5, bits: 16 },
  int32: { id: 6, bits: 32 },
  int64: { id: 7, bits: 64 },
  bool: { id: 9, bits: 8 },
  float16: { id: 10, bits: 16 },
  float64: { id: 11, bits: 64 },
  uint32: { id: 12, bits: 32 },
  uint64: { id: 13, bits: 64 },
  bfloat16: { id: 16, bits: 16 },
  uint4: { id: 21, bits: 4 },
  int4: { id: 22, bits: 4 },
} as const;
export type OnnxElement = keyof typeof ONNX_ELEMENTS;

const BY_ID = new Map(
  Object.entries(ONNX_ELEMENTS).map(([name, { id }]) => [id as number, name as OnnxElement]),
);

/** null for a type that no array of numbers here is of. */
export const elementOf = (id: number): OnnxElement | null => BY_ID.get(id) ?? null;

/** A weight or constant: where it lies, not what it is. */
export interface OnnxArrayInfo {
  /** Unique; of a constant in a node, the node's output. */
  name: string;
  type: OnnxElement;
  shape: number[];
  sizeBytes: number;
  /** Where in which file beside the graph's; null for one within it. */
  external: { location: string; offset: number } | null;
}

export interface OnnxNodeInfo {
  /** Its name, or what it makes where it has none. */
  name: string;
  opType: string;
  /** '' is ONNX's own. */
  domain: string;
  /** '' for an optional one that is left out. Values that only its subgraphs take are among them. */
  inputs: string[];
  outputs: string[];
  /** Attributes that are whole numbers. */
  integers: ReadonlyMap<string, number>;
  hasSubgraph: boolean;
}

/** A size that is known, the name of one that is not, or null where it has none. */
export type OnnxSize = number | string | null;

/** An input or output of the graph. */
export interface OnnxValueInfo {
  name: string;
  /** null for what is no array of numbers. */
  type: OnnxElement | null;
  /** null where it is not said. */
  shape: OnnxSize[] | null;
}

export interface OnnxDescription {
  /** Version of each domain's operators. */
  opsets: ReadonlyMap<string, number>;
  nodes: OnnxNodeInfo[];
  /** Of subgraphs too. */
  arrays: OnnxArrayInfo[];
  /** What has to be fed: without those that are weights. */
  inputs: OnnxValueInfo[];
  outputs: OnnxValueInfo[];
}
