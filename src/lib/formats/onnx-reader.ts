// An ONNX file without its weights: operators, what the graph takes and gives, and where each weight lies, in it or in a file
// beside it. Weights are skipped by their length. Nothing is trusted before it was checked against the format, against
// itself and against the size of the file. Field numbers are those of onnx.proto.
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
import { elementOf, ONNX_ELEMENTS } from './onnx-description';
import type {
  OnnxArrayInfo,
  OnnxDescription,
  OnnxElement,
  OnnxNodeInfo,
  OnnxSize,
  OnnxValueInfo,
} from './onnx-description';
import { badOnnx, truncatedOnnx, unsupportedOnnx } from './onnx-faults';
import { checkWiring, freeValues } from './onnx-wiring';
import { ProtobufReader, type ProtobufField } from './protobuf-reader';

/** Protocol buffers end here. */
const MAX_FILE_BYTES = 2 ** 31 - 1;
const MAX_FIELDS = 20_000_000;
/** Real graphs have some thousands. */
const MAX_NODES = 100_000;
const MAX_ARRAYS = 100_000;
const MAX_VALUES = 10_000;
const MAX_NAMES = 10_000;
const MAX_NAME_BYTES = 4096;
const MAX_DIMENSIONS = 32;
const MAX_DEPTH = 8;
/** A plain name of a file: no folders, no `..`, no scheme, nothing hidden. */
const DATA_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,180}$/;
/** What other parts of a model are called. */
const OTHER_PARTS = /\.(json|jinja|md|onnx|model|txt)$/i;

const EXTERNAL = 1n;

interface GraphParts {
  nodes: OnnxNodeInfo[];
  /** Of this graph alone. */
  arrays: OnnxArrayInfo[];
  inputs: OnnxValueInfo[];
  outputs: OnnxValueInfo[];
}

interface AttributeParts {
  name: string;
  integer: bigint | null;
  /** Values that its subgraphs take from around them. */
  free: Set<string>;
  hasSubgraph: boolean;
}

/**
 * @throws AppError `model.bad-header`, `model.truncated`; `model.unsupported` for what is sound and cannot be read here.
 */
export async function readOnnx(file: Blob): Promise<OnnxDescription> {
  if (file.size > MAX_FILE_BYTES) {
    throw unsupportedOnnx(
      `it has ${file.size} bytes, its format ends at ${MAX_FILE_BYTES}`,
      'Use an export that has its weights in a file of their own.',
      { sizeBytes: file.size },
    );
  }
  return new OnnxReading(file).model();
}

class OnnxReading {
  readonly #reader: ProtobufReader;
  /** Those of constants and subgraphs too. */
  readonly #arrays: OnnxArrayInfo[] = [];
  #nodes = 0;

  constructor(file: Blob) {
    const faults = {
      bad: (fact: string) => badOnnx(fact),
      truncated: (fact: string) => truncatedOnnx(fact, { sizeBytes: file.size }),
    };
    this.#reader = new ProtobufReader(file, faults, MAX_FIELDS);
  }

  async model(): Promise<OnnxDescription> {
    const opsets = new Map<string, number>();
    let graph: GraphParts | null = null;
    for await (const field of this.#reader.fields()) {
      if (field.number === 7) {
        if (graph !== null) throw badOnnx('it has two graphs');
        graph = await this.#graph(field, 0);
      } else if (field.number === 8) {
        const { domain, version } = await this.#opset(field);
        opsets.set(domain, version);
      }
    }
    if (graph === null) throw badOnnx('it has no graph');
    if (graph.nodes.length === 0) throw badOnnx('its graph has no operators');
    const weights = new Set(graph.arrays.map(({ name }) => name));
    // Older files list their weights among the inputs.
    const inputs = graph.inputs.filter(({ name }) => !weights.has(name));
    const outputs = graph.outputs.map(({ name }) => name);
    checkWiring({ given: given(graph), nodes: graph.nodes, outputs });
    return { opsets, nodes: graph.nodes, arrays: this.#arrays, inputs, outputs: graph.outputs };
  }

  async #opset(message: ProtobufField): Promise<{ domain: string; version: number }> {
    let [domain, version] = ['', 0];
    for await (const field of this.#within(message, 'a version of operators')) {
      if (field.number === 1) domain = await this.#name(field, 'a domain');
      if (field.number === 2) version = this.#size(field, `the version of ${domain || 'ai.onnx'}`);
    }
    return { domain, version };
  }

  async #graph(message: ProtobufField, depth: number): Promise<GraphParts> {
    if (depth > MAX_DEPTH) {
      throw unsupportedOnnx(`its graphs lie more than ${MAX_DEPTH} deep in each other`, 'Export it again.');
    }
    const graph: GraphParts = { nodes: [], arrays: [], inputs: [], outputs: [] };
    for await (const field of this.#within(message, 'the graph')) {
      if (field.number === 1) graph.nodes.push(await this.#node(field, depth));
      else if (field.number === 5) graph.arrays.push(this.#keep(await this.#array(field, null)));
      else if (field.number === 11) graph.inputs.push(await this.#value(field));
      else if (field.number === 12) graph.outputs.push(await this.#value(field));
      else if (field.number === 15) throw sparse();
      const values = graph.inputs.length + graph.outputs.length;
      if (values > MAX_VALUES) throw badOnnx(`it has more than ${MAX_VALUES} inputs and outputs`);
    }
    checkOnce(graph.inputs, 'input');
    checkOnce(graph.arrays, 'weight');
    return graph;
  }

  async #node(message: ProtobufField, depth: number): Promise<OnnxNodeInfo> {
    if ((this.#nodes += 1) > MAX_NODES) {
      throw unsupportedOnnx(`it has more than ${MAX_NODES} operators`, 'Choose a smaller model.');
    }
    const texts = { name: '', opType: '', domain: '' };
    const [inputs, outputs]: [string[], string[]] = [[], []];
    const attributes: ProtobufField[] = [];
    for await (const field of this.#within(message, 'an operator')) {
      if (field.number === 1) inputs.push(await this.#name(field, 'an operator’s input'));
      else if (field.number === 2) outputs.push(await this.#name(field, 'an operator’s output'));
      else if (field.number === 3) texts.name = await this.#name(field, 'an operator’s name');
      else if (field.number === 4) texts.opType = await this.#name(field, 'an operator’s kind');
      else if (field.number === 5) attributes.push(field);
      else if (field.number === 7) texts.domain = await this.#name(field, 'an operator’s domain');
      if (inputs.length + outputs.length + attributes.length > MAX_NAMES) {
        throw badOnnx(`an operator has more than ${MAX_NAMES} inputs, outputs and attributes`);
      }
    }
    const name = texts.name || (outputs.find((output) => output !== '') ?? '');
    if (texts.opType === '') throw badOnnx(`the operator ${name || 'without a name'} is of no kind`);
    const integers = new Map<string, number>();
    const free = new Set<string>();
    let hasSubgraph = false;
    for (const attribute of attributes) {
      const read = await this.#attribute(attribute, outputs[0] ?? name, depth);
      if (read.integer !== null) integers.set(read.name, Number(read.integer));
      read.free.forEach((value) => free.add(value));
      hasSubgraph ||= read.hasSubgraph;
    }
    return { ...texts, name, inputs: [...inputs, ...free], outputs, integers, hasSubgraph };
  }

  async #attribute(message: ProtobufField, owner: string, depth: number): Promise<AttributeParts> {
    const parts: AttributeParts = { name: '', integer: null, free: new Set(), hasSubgraph: false };
    for await (const field of this.#within(message, `an attribute of ${owner}`)) {
      if (field.number === 1) parts.name = await this.#name(field, 'an attribute');
      else if (field.number === 3) parts.integer = this.#integer(field, `an attribute of ${owner}`);
      else if (field.number === 5 || field.number === 10) this.#keep(await this.#array(field, owner));
      else if (field.number === 6 || field.number === 11) {
        parts.hasSubgraph = true;
        const graph = await this.#graph(field, depth + 1);
        const outputs = graph.outputs.map(({ name }) => name);
        for (const name of freeValues({ given: given(graph), nodes: graph.nodes, outputs })) {
          parts.free.add(name);
        }
      } else if (field.number === 22 || field.number === 23) throw sparse();
    }
    return parts;
  }

  /** @param owner of a constant, which needs no name; null for a weight. */
  async #array(message: ProtobufField, owner: string | null): Promise<OnnxArrayInfo> {
    const shape: bigint[] = [];
    const entries = new Map<string, string>();
    let [name, typeId, inlineBytes, isExternal] = [owner ?? '', 0n, -1, false];
    for await (const field of this.#within(message, 'a weight')) {
      if (field.number === 1) shape.push(...(await this.#reader.integers(field, 'a shape', MAX_DIMENSIONS)));
      else if (field.number === 2) typeId = this.#integer(field, 'the type of a weight');
      else if (field.number === 8 && owner === null) name = await this.#name(field, 'the name of a weight');
      else if (field.number === 9) inlineBytes = field.end - field.start;
      else if (field.number === 13) await this.#entry(field, entries);
      else if (field.number === 14) isExternal = this.#integer(field, 'the place of a weight') === EXTERNAL;
      if (shape.length > MAX_DIMENSIONS) throw badOnnx(`${name} has more than ${MAX_DIMENSIONS} dimensions`);
    }
    if (name === '') throw badOnnx('a weight has no name');
    // Text is of no use to a model of numbers: tables of labels have it.
    const type = elementOf(Number(typeId));
    if (type === null) throw unsupportedType(name, typeId);
    const sizes = sizesOf(name, shape);
    const sizeBytes = bytesOf(name, type, sizes);
    if (!isExternal && inlineBytes >= 0 && inlineBytes !== sizeBytes) {
      throw badOnnx(
        `${name} is [${sizes.join(', ')}] of ${type}, which needs ${sizeBytes} bytes; it has ${inlineBytes}`,
      );
    }
    const external = isExternal ? placeOf(name, sizeBytes, entries) : null;
    return { name, type, shape: sizes, sizeBytes, external };
  }

  async #entry(message: ProtobufField, entries: Map<string, string>): Promise<void> {
    let [key, value] = ['', ''];
    for await (const field of this.#within(message, 'the place of a weight')) {
      if (field.number === 1) key = await this.#name(field, 'the place of a weight');
      if (field.number === 2) value = await this.#name(field, 'the place of a weight');
    }
    entries.set(key, value);
  }

  async #value(message: ProtobufField): Promise<OnnxValueInfo> {
    const value: OnnxValueInfo = { name: '', type: null, shape: null };
    for await (const field of this.#within(message, 'an input or output')) {
      if (field.number === 1) value.name = await this.#name(field, 'the name of an input or output');
      if (field.number !== 2) continue;
      for await (const type of this.#within(field, 'the type of an input or output')) {
        if (type.number === 1) Object.assign(value, await this.#tensorType(type));
      }
    }
    if (value.name === '') throw badOnnx('an input or output has no name');
    return value;
  }

  async #tensorType(message: ProtobufField): Promise<Pick<OnnxValueInfo, 'type' | 'shape'>> {
    let [typeId, shape]: [bigint, OnnxSize[] | null] = [0n, null];
    for await (const field of this.#within(message, 'a type')) {
      if (field.number === 1) typeId = this.#integer(field, 'a type');
      if (field.number !== 2) continue;
      shape = [];
      for await (const size of this.#within(field, 'a shape')) {
        if (size.number === 1) shape.push(await this.#dimension(size));
        if (shape.length > MAX_DIMENSIONS)
          throw badOnnx(`a shape has more than ${MAX_DIMENSIONS} dimensions`);
      }
    }
    return { type: elementOf(Number(typeId)), shape };
  }

  async #dimension(message: ProtobufField): Promise<OnnxSize> {
    let size: OnnxSize = null;
    for await (const field of this.#within(message, 'a dimension')) {
      // Some write -1, or 0 for what is not known.
      if (field.number === 1) {
        const value = this.#integer(field, 'a dimension');
        size = value > 0n && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;
      }
      if (field.number === 2) size = (await this.#name(field, 'a dimension')) || null;
    }
    return size;
  }

  #keep(array: OnnxArrayInfo): OnnxArrayInfo {
    this.#arrays.push(array);
    if (this.#arrays.length > MAX_ARRAYS) {
      throw unsupportedOnnx(`it has more than ${MAX_ARRAYS} weights`, 'Choose a smaller model.');
    }
    return array;
  }

  #within({ value, start, end }: ProtobufField, what: string): AsyncGenerator<ProtobufField, void> {
    if (value !== null) throw badOnnx(`${what} is a number`);
    return this.#reader.fields(start, end);
  }

  #name(field: ProtobufField, what: string): Promise<string> {
    return this.#reader.text(field, what, MAX_NAME_BYTES);
  }

  #integer({ value }: ProtobufField, what: string): bigint {
    if (value === null) throw badOnnx(`${what} is not a number`);
    return BigInt.asIntN(64, value);
  }

  #size(field: ProtobufField, what: string): number {
    const value = this.#integer(field, what);
    if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) throw badOnnx(`${what} is ${value}`);
    return Number(value);
  }
}

const given = ({ inputs, arrays }: GraphParts): string[] => [...inputs, ...arrays].map(({ name }) => name);

function checkOnce(named: readonly { name: string }[], what: string): void {
  const seen = new Set<string>();
  for (const { name } of named) {
    if (seen.has(name)) throw badOnnx(`the ${what} ${name} is there twice`, { name });
    seen.add(name);
  }
}

function sizesOf(name: string, shape: readonly bigint[]): number[] {
  const product = shape.reduce((count, size) => count * size, 1n);
  if (shape.some((size) => size < 0n) || product > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw badOnnx(`${name} has the impossible shape [${shape.join(', ')}]`, { name });
  }
  return shape.map(Number);
}

/** Elements of less than a byte lie side by side. */
function bytesOf(name: string, type: OnnxElement, shape: readonly number[]): number {
  const bits = shape.reduce((count, size) => count * size, ONNX_ELEMENTS[type].bits);
  if (!Number.isSafeInteger(bits)) {
    throw badOnnx(`${name} has the impossible shape [${shape.join(', ')}]`, { name });
  }
  return Math.ceil(bits / 8);
}

function placeOf(
  name: string,
  sizeBytes: number,
  entries: ReadonlyMap<string, string>,
): { location: string; offset: number } {
  const location = entries.get('location') ?? '';
  if (!DATA_NAME.test(location) || location.includes('..') || OTHER_PARTS.test(location)) {
    throw badOnnx(
      `${name} lies in ${JSON.stringify(location.slice(0, 200))}, which is not the name of a file of weights beside it`,
      { name, location: location.slice(0, 200) },
    );
  }
  const offset = wholeNumber(entries.get('offset') ?? '0');
  const length = wholeNumber(entries.get('length') ?? String(sizeBytes));
  if (offset === null || length === null || !Number.isSafeInteger(offset + length)) {
    throw badOnnx(`the place of ${name} in ${location} is not a pair of numbers`, { name, location });
  }
  if (length !== sizeBytes) {
    throw badOnnx(`${name} needs ${sizeBytes} bytes; ${location} is said to have ${length} for it`, {
      name,
      location,
    });
  }
  return { location, offset };
}

function wholeNumber(text: string): number | null {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : null;
  return value !== null && Number.isSafeInteger(value) ? value : null;
}

function unsupportedType(name: string, id: bigint): Error {
  return unsupportedOnnx(
    `${name} is stored as type ${id}, which is not read here`,
    'Choose a variant of it in 32 or 16 bits, or in 8 or 4.',
    { name, type: Number(id) },
  );
}

function sparse(): Error {
  return unsupportedOnnx('it has sparse weights', 'Choose an export without them.');
}
