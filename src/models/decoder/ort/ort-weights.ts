// A decoder's graph in onnxruntime with the arrays it reads, in the runtime's own memory: those of the base, and for each
// adapter those that it changes, merged. Everything is made when it is first asked for. Owns the graph and the arrays.
import type { OrtArray, OrtEngine, OrtGraph } from '../../../engine/ort/ort-engine';
import { collectFile, onnxFiles, type OnnxArray, type OnnxModel } from '../../../lib/formats/onnx';
import { AppError } from '../../../lib/errors';
import type { WeightReader } from '../../file-layout';
import type { DecoderConfig } from '../decoder-config';
import { decoderOnnx } from '../onnx/decoder-graph';

const FLOAT_BYTES = 4;

export type OrtArrays = ReadonlyMap<string, OrtArray>;

/** What of the weights was changed, and how to read it. */
export interface WeightChange {
  names: ReadonlySet<string>;
  read: WeightReader;
}

const isFloat = ({ type }: OnnxArray): boolean => type === 'float';

/** The graph with its weights and tables as inputs. Constants that decide shapes stay within. */
function givenGraph(model: OnnxModel): OnnxModel {
  const weights = model.arrays.filter(isFloat);
  return {
    ...model,
    inputs: [...model.inputs, ...weights.map(({ name, shape }) => ({ name, type: 'float' as const, shape }))],
    arrays: model.arrays.filter((array) => !isFloat(array)),
  };
}

async function openGraph(engine: OrtEngine, model: OnnxModel): Promise<OrtGraph> {
  const [file] = onnxFiles(givenGraph(model), 'decoder.onnx', false);
  if (file === undefined) throw new AppError('internal', 'The exporter wrote no graph.');
  return engine.open(await collectFile(file));
}

/** @throws AppError `engine.out-of-memory`, or why a weight could not be read. */
async function load(engine: OrtEngine, { shape, chunks }: OnnxArray): Promise<OrtArray> {
  const array = engine.allocate('float', shape);
  try {
    let filled = 0;
    for await (const { buffer, byteOffset, byteLength } of chunks()) {
      const part = new Float32Array(buffer, byteOffset, byteLength / FLOAT_BYTES);
      engine.floats(array).set(part, filled);
      filled += part.length;
    }
    return array;
  } catch (error) {
    engine.free(array);
    throw error;
  }
}

async function loadAll(engine: OrtEngine, wanted: readonly OnnxArray[]): Promise<Map<string, OrtArray>> {
  const arrays = new Map<string, OrtArray>();
  try {
    for (const array of wanted) arrays.set(array.name, await load(engine, array));
    return arrays;
  } catch (error) {
    freeAll(engine, arrays);
    throw error;
  }
}

export function freeAll(engine: OrtEngine, arrays: OrtArrays): void {
  for (const array of arrays.values()) engine.free(array);
}

export class OrtWeights {
  readonly graph: OrtGraph;
  readonly base: OrtArrays;
  readonly #engine: OrtEngine;
  readonly #config: DecoderConfig;
  /** Weights that went into an array, by its name. */
  readonly #sources: ReadonlyMap<string, ReadonlySet<string>>;

  private constructor(
    engine: OrtEngine,
    config: DecoderConfig,
    graph: OrtGraph,
    base: OrtArrays,
    sources: ReadonlyMap<string, ReadonlySet<string>>,
  ) {
    this.#engine = engine;
    this.#config = config;
    this.graph = graph;
    this.base = base;
    this.#sources = sources;
  }

  /** @param read by the decoder's names; asked again when an adapter is merged. */
  static async load(engine: OrtEngine, config: DecoderConfig, read: WeightReader): Promise<OrtWeights> {
    const sources = new Map<string, Set<string>>();
    let reading = new Set<string>();
    const noted: WeightReader = (name, rows) => {
      reading.add(name);
      return read(name, rows);
    };
    const model = decoderOnnx(config, noted, { kind: 'given' });
    const graph = await openGraph(engine, model);
    const arrays = model.arrays.filter(isFloat).map((array) => ({
      ...array,
      chunks: () => {
        sources.set(array.name, (reading = new Set()));
        return array.chunks();
      },
    }));
    try {
      return new OrtWeights(engine, config, graph, await loadAll(engine, arrays), sources);
    } catch (error) {
      graph.dispose();
      throw error;
    }
  }

  /** Arrays that differ from the base; the caller frees them. */
  changed({ names, read }: WeightChange): Promise<OrtArrays> {
    const { arrays } = decoderOnnx(this.#config, read, { kind: 'given' });
    const isChanged = ({ name }: OnnxArray): boolean =>
      [...(this.#sources.get(name) ?? [])].some((source) => names.has(source));
    return loadAll(this.#engine, arrays.filter(isChanged));
  }

  dispose(): void {
    freeAll(this.#engine, this.base);
    this.graph.dispose();
  }
}
