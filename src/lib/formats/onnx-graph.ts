// A graph of ONNX operators in the making: adds nodes and constants, names what they give. Pure; weights come from arrays
// that are read later.
import type { OnnxArray, OnnxAttribute, OnnxModel, OnnxNode, OnnxValue } from './onnx';

/** Operators of onnxruntime beside ONNX's own. */
export const MICROSOFT = 'com.microsoft';

export interface NodeOptions {
  domain?: string;
  attributes?: Record<string, OnnxAttribute>;
  /** Names of what it gives; '' leaves an optional one out. One named after the node by default. */
  outputs?: string[];
}

const OPSETS: ReadonlyMap<string, number> = new Map([
  ['', 21],
  [MICROSOFT, 1],
]);

export class OnnxGraph {
  readonly #nodes: OnnxNode[] = [];
  readonly #arrays = new Map<string, OnnxArray>();

  /** @param name path of the node, as `/model/layers.0/attn/GroupQueryAttention`. @returns the first output. */
  node(name: string, inputs: string[], options: NodeOptions = {}): string {
    const { domain = '', attributes = {}, outputs = [`${name}/output_0`] } = options;
    const opType = name.slice(name.lastIndexOf('/') + 1);
    this.#nodes.push({ name, opType, domain, inputs, outputs, attributes });
    return outputs[0] ?? '';
  }

  /** @returns its name; a name that is there already stands for the same array. */
  array(array: OnnxArray): string {
    if (!this.#arrays.has(array.name)) this.#arrays.set(array.name, array);
    return array.name;
  }

  /** A constant of 64-bit integers: a list, or with `scalar` a single one without dimensions. */
  integers(name: string, values: readonly (number | bigint)[], scalar = false): string {
    const bytes = () => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.array({ name, type: 'int64', shape: scalar ? [] : [values.length], chunks: () => [bytes()] });
  }

  /** A constant of 32-bit floats. */
  floats(name: string, values: readonly number[]): string {
    const bytes = () => new Uint8Array(Float32Array.from(values).buffer);
    return this.array({ name, type: 'float', shape: [values.length], chunks: () => [bytes()] });
  }

  model(producer: string, graphName: string, inputs: OnnxValue[], outputs: OnnxValue[]): OnnxModel {
    const [nodes, arrays] = [[...this.#nodes], [...this.#arrays.values()]];
    return { producer, graphName, opsets: OPSETS, inputs, outputs, nodes, arrays };
  }
}
