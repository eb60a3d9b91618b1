// ONNX models, writing only: the graph as plain data, and the files that hold it. Weights are read while a file is
// streamed, one after the other, so a model is never in memory whole. Field numbers are those of onnx.proto (IR version 10).
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
import { ProtobufWriter, type ProtobufPart } from './protobuf-writer';

/** Element types by their numbers in TensorProto.DataType. */
export const ONNX_TYPES = { float: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10 } as const;
export type OnnxType = keyof typeof ONNX_TYPES;
const ELEMENT_BYTES: Record<OnnxType, number> = {
  float: 4,
  uint8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  float16: 2,
};

export type OnnxAttribute = { int: number } | { float: number } | { text: string } | { ints: number[] };

export interface OnnxNode {
  name: string;
  opType: string;
  /** '' is ONNX's own. */
  domain: string;
  /** '' leaves an optional one out. */
  inputs: string[];
  outputs: string[];
  attributes: Record<string, OnnxAttribute>;
}

/** An input or output of the graph; sizes that are not known are named. */
export interface OnnxValue {
  name: string;
  type: OnnxType;
  shape: (number | string)[];
}

/** A weight or constant, row-major and little-endian. */
export interface OnnxArray {
  name: string;
  type: OnnxType;
  shape: number[];
  chunks: () => Iterable<Uint8Array<ArrayBuffer>> | AsyncIterable<Uint8Array<ArrayBuffer>>;
}

export interface OnnxModel {
  producer: string;
  graphName: string;
  /** Version of each domain's operators. */
  opsets: ReadonlyMap<string, number>;
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  nodes: OnnxNode[];
  arrays: OnnxArray[];
}

/** A file that is made while it is read. */
export interface StreamedFile {
  name: string;
  byteLength: number;
  /** @throws Error where an array gives another number of bytes than its shape says. */
  stream: () => AsyncGenerator<Uint8Array<ArrayBuffer>, void>;
}

const IR_VERSION = 10;
/** Protocol buffers end here. */
const MAX_MESSAGE_BYTES = 2 ** 31 - 1;
/** Smaller arrays stay in the graph's file: shapes and axes are looked at when a model is opened. */
const MIN_EXTERNAL_BYTES = 1024;
/** Where external arrays begin, so that they can be mapped. */
const EXTERNAL_ALIGNMENT = 4096;
const ATTRIBUTE_TYPES = { float: 1, int: 2, text: 3, ints: 7 } as const;

export function arrayBytes({ type, shape }: Pick<OnnxArray, 'type' | 'shape'>): number {
  return shape.reduce((size, n) => size * n, ELEMENT_BYTES[type]);
}

/** The bytes of an array at the place where the file has them. */
interface ArrayContent {
  array: OnnxArray;
  byteLength: number;
}

type Writer = ProtobufWriter<ArrayContent>;

interface Placement {
  file: string;
  offset: number;
}

function writeAttribute(writer: Writer, name: string, value: OnnxAttribute): void {
  writer.text(1, name);
  if ('float' in value) {
    writer.float(2, value.float);
    writer.integer(20, ATTRIBUTE_TYPES.float);
  } else if ('int' in value) {
    writer.integer(3, value.int);
    writer.integer(20, ATTRIBUTE_TYPES.int);
  } else if ('text' in value) {
    writer.text(4, value.text);
    writer.integer(20, ATTRIBUTE_TYPES.text);
  } else {
    writer.integers(8, value.ints);
    writer.integer(20, ATTRIBUTE_TYPES.ints);
  }
}

function writeNode(writer: Writer, node: OnnxNode): void {
  for (const input of node.inputs) writer.text(1, input);
  for (const output of node.outputs) writer.text(2, output);
  writer.text(3, node.name);
  writer.text(4, node.opType);
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.message(5, (attribute) => writeAttribute(attribute, name, value));
  }
  if (node.domain !== '') writer.text(7, node.domain);
}

function writeValue(writer: Writer, { name, type, shape }: OnnxValue): void {
  writer.text(1, name);
  writer.message(2, (typeProto) =>
    typeProto.message(1, (tensor) => {
      tensor.integer(1, ONNX_TYPES[type]);
      tensor.message(2, (sizes) => {
        for (const size of shape) {
          sizes.message(1, (dimension) =>
            typeof size === 'number' ? dimension.integer(1, size) : dimension.text(2, size),
          );
        }
      });
    }),
  );
}

function writeArray(writer: Writer, array: OnnxArray, placement: Placement | undefined): void {
  const byteLength = arrayBytes(array);
  writer.integers(1, array.shape);
  writer.integer(2, ONNX_TYPES[array.type]);
  writer.text(8, array.name);
  if (placement === undefined) {
    writer.later(9, { array, byteLength });
    return;
  }
  const entries = { location: placement.file, offset: placement.offset, length: byteLength };
  for (const [key, value] of Object.entries(entries)) {
    writer.message(13, (entry) => {
      entry.text(1, key);
      entry.text(2, String(value));
    });
  }
  writer.integer(14, 1);
}

function writeGraph(writer: Writer, model: OnnxModel, placements: ReadonlyMap<OnnxArray, Placement>): void {
  for (const node of model.nodes) writer.message(1, (message) => writeNode(message, node));
  writer.text(2, model.graphName);
  for (const array of model.arrays) {
    writer.message(5, (message) => writeArray(message, array, placements.get(array)));
  }
  for (const value of model.inputs) writer.message(11, (message) => writeValue(message, value));
  for (const value of model.outputs) writer.message(12, (message) => writeValue(message, value));
}

function writeModel(model: OnnxModel, placements: ReadonlyMap<OnnxArray, Placement>): Writer {
  const writer: Writer = new ProtobufWriter();
  writer.integer(1, IR_VERSION);
  writer.text(2, model.producer);
  writer.message(7, (graph) => writeGraph(graph, model, placements));
  for (const [domain, version] of model.opsets) {
    writer.message(8, (opset) => {
      opset.text(1, domain);
      opset.integer(2, version);
    });
  }
  return writer;
}

async function* arrayChunks({
  array,
  byteLength,
}: ArrayContent): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  let written = 0;
  for await (const chunk of array.chunks()) {
    written += chunk.byteLength;
    yield chunk;
  }
  if (written !== byteLength) {
    throw new Error(
      `${array.name} has ${written} bytes; its shape [${array.shape.join(', ')}] needs ${byteLength}.`,
    );
  }
}

async function* streamParts(
  parts: readonly ProtobufPart<ArrayContent>[],
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  for (const part of parts) {
    if (part instanceof Uint8Array) yield part;
    else yield* arrayChunks(part);
  }
}

/** Where each large array lies in the file beside the graph's, and what that file is made of. */
function placeOutside(arrays: readonly OnnxArray[], file: string) {
  const placements = new Map<OnnxArray, Placement>();
  const parts: ProtobufPart<ArrayContent>[] = [];
  let end = 0;
  for (const array of arrays) {
    const byteLength = arrayBytes(array);
    if (byteLength < MIN_EXTERNAL_BYTES) continue;
    const offset = Math.ceil(end / EXTERNAL_ALIGNMENT) * EXTERNAL_ALIGNMENT;
    if (offset > end) parts.push(new Uint8Array(offset - end));
    placements.set(array, { file, offset });
    parts.push({ array, byteLength });
    end = offset + byteLength;
  }
  return { placements, file: { name: file, byteLength: end, stream: () => streamParts(parts) } };
}

/**
 * The files of a model: `<name>` and, with `external`, the weights in `<name>_data` beside it.
 * @throws RangeError for a graph of 2 GiB or more, which only external weights avoid.
 */
export function onnxFiles(model: OnnxModel, name: string, external: boolean): StreamedFile[] {
  const outside = external ? placeOutside(model.arrays, `${name}_data`) : null;
  const writer = writeModel(model, outside?.placements ?? new Map<OnnxArray, Placement>());
  const { byteLength } = writer;
  if (byteLength > MAX_MESSAGE_BYTES) {
    throw new RangeError(
      `${name} would have ${byteLength} bytes, an ONNX file has at most ${MAX_MESSAGE_BYTES}: write its weights to a file of their own.`,
    );
  }
  const parts = writer.parts();
  const graph = { name, byteLength, stream: () => streamParts(parts) };
  return outside === null ? [graph] : [graph, outside.file];
}

/** A file in memory, for those small enough. */
export async function collectFile(file: StreamedFile): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(file.byteLength);
  let position = 0;
  for await (const chunk of file.stream()) {
    bytes.set(chunk, position);
    position += chunk.byteLength;
  }
  return bytes;
}
