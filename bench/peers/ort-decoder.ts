// The peer to decode against: onnxruntime-web on WebGPU, on the graph and weights that our exporter writes, one sequence.
// Keys and values stay on the GPU in memory of a fixed size, written in place; logits come back after each token. Captured,
// the runtime records its first run and replays it. Owns its buffers and its session.
import { loadOrt, OrtSession, type Ort, type OrtFiles, type OrtTensor } from '../../src/engine/ort';
import { collectFile, onnxFiles, type OnnxModel, type OnnxValue } from '../../src/lib/formats/onnx';
import { OnnxGraph } from '../../src/lib/formats/onnx-graph';
import type { WeightReader } from '../../src/models/file-layout';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { decoderOnnx } from '../../src/models/decoder/onnx/decoder-graph';

/** Positions of the cache. */
const CAPACITY = 128;
/** Of an array: a graph that stretches one element to one would give its input. */
const MIN_ELEMENTS = 4;

async function filesOf(config: DecoderConfig, read: WeightReader): Promise<OrtFiles> {
  const model = decoderOnnx(config, read, { kind: 'static', capacity: CAPACITY, tokens: 1 });
  const [graph, data] = onnxFiles(model, 'decoder.onnx', true);
  if (graph === undefined || data === undefined) throw new Error('The exporter wrote no weights.');
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of data.stream()) chunks.push(chunk);
  return { graph: await collectFile(graph), data: { name: data.name, content: new Blob(chunks) } };
}

/** A graph that makes zeros, an output for each number of elements. */
function zerosGraph(elements: readonly number[]): OnnxModel {
  const graph = new OnnxGraph();
  const outputs = elements.map((count, i): OnnxValue => {
    graph.node(`/${i}/Expand`, ['zero', graph.integers(`shape.${i}`, [count])], { outputs: [`zeros.${i}`] });
    return { name: `zeros.${i}`, type: 'float', shape: [count] };
  });
  return graph.model('bench', 'zeros', [{ name: 'zero', type: 'float', shape: [1] }], outputs);
}

interface ArraySpec {
  name: string;
  /** Of four bytes an element. */
  dataType: 'float32' | 'int32';
  dims: number[];
}

/**
 * Arrays of zeros on the GPU that the runtime has allocated. Replaying works on no others: buffers that come from outside lose
 * their handle after each run (onnxruntime-web 1.30, `webgpuUnregisterBuffer`), while the recording keeps the old one; the
 * second run then fails with "Cannot set properties of undefined (setting 'Symbol(gpuBufferMetadata)')".
 */
class Arrays {
  readonly #session: OrtSession;
  readonly #owned: OrtTensor[];
  readonly #views = new Map<string, OrtTensor>();

  private constructor(session: OrtSession, owned: OrtTensor[], ort: Ort, specs: readonly ArraySpec[]) {
    this.#session = session;
    this.#owned = owned;
    specs.forEach(({ name, dataType, dims }, i) => {
      const buffer = owned[i]?.gpuBuffer;
      if (buffer === undefined) throw new Error(`No memory for ${name}.`);
      this.#views.set(name, ort.Tensor.fromGpuBuffer(buffer, { dataType, dims }));
    });
  }

  static async allocate(ort: Ort, device: GPUDevice, specs: readonly ArraySpec[]): Promise<Arrays> {
    const elements = specs.map(({ dims }) =>
      Math.max(
        MIN_ELEMENTS,
        dims.reduce((size, n) => size * n, 1),
      ),
    );
    const model = zerosGraph(elements);
    const [graph] = onnxFiles(model, 'zeros.onnx', false);
    if (graph === undefined) throw new Error('The exporter wrote no graph.');
    const names = model.outputs.map(({ name }) => name);
    const session = await OrtSession.open(
      ort,
      { graph: await collectFile(graph) },
      { provider: 'webgpu', device, capture: false, keptOutputs: names },
    );
    const outputs = await session.run({ zero: new ort.Tensor('float32', new Float32Array(1), [1]) });
    return new Arrays(
      session,
      names.map((name) => outputs[name] as OrtTensor),
      ort,
      specs,
    );
  }

  get(name: string): OrtTensor {
    const array = this.#views.get(name);
    if (array === undefined) throw new Error(`There is no array ${name}.`);
    return array;
  }

  buffer(name: string): GPUBuffer {
    return this.get(name).gpuBuffer;
  }

  async dispose(): Promise<void> {
    for (const array of this.#owned) array.dispose();
    await this.#session.dispose();
  }
}

type Tensors = Record<string, OrtTensor>;

/** The cache as it is read and as it is written: the same memory. */
interface Cache {
  past: Tensors;
  present: Tensors;
}

const INPUTS = ['input_ids', 'seqlens_k', 'total_sequence_length'] as const;
const inputDims = (name: string): number[] => (name === 'input_ids' ? [1, 1] : [1]);

const cacheNames = ({ layers }: DecoderConfig): string[] =>
  Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();

function arraySpecs(config: DecoderConfig): ArraySpec[] {
  const { kvHeads, headSize, vocabSize } = config;
  return [
    ...INPUTS.map((name): ArraySpec => ({ name, dataType: 'int32', dims: inputDims(name) })),
    { name: 'logits', dataType: 'float32', dims: [1, vocabSize] },
    ...cacheNames(config).map((name): ArraySpec => ({
      name,
      dataType: 'float32',
      dims: [1, kvHeads, CAPACITY, headSize],
    })),
  ];
}

function cacheOf(config: DecoderConfig, arrays: Arrays): Cache {
  const named = (prefix: string): Tensors =>
    Object.fromEntries(cacheNames(config).map((name) => [`${prefix}.${name}`, arrays.get(name)]));
  return { past: named('past_key_values'), present: named('present') };
}

type Run = (token: number, length: number) => Promise<Float32Array<ArrayBuffer>>;

/** What a token is and where it stands: the values of the graph's inputs. */
const inputValues = (token: number, length: number): number[] => [token, length, length + 1];

/** Inputs are made for each run, logits are read by the runtime. */
function plainRun(ort: Ort, session: OrtSession, { past, present }: Cache): Run {
  return async (token, length) => {
    const values = inputValues(token, length);
    const inputs = INPUTS.map((name, i) => [
      name,
      new ort.Tensor('int32', Int32Array.of(values[i] ?? 0), inputDims(name)),
    ]) as [string, OrtTensor][];
    const { logits } = await session.run({ ...Object.fromEntries(inputs), ...past }, present);
    return (logits as OrtTensor).data as Float32Array<ArrayBuffer>;
  };
}

/** The same buffers each time: written before the run, read after it. */
function capturedRun(device: GPUDevice, session: OrtSession, arrays: Arrays, { past, present }: Cache): Run {
  const inputs: Tensors = Object.fromEntries(INPUTS.map((name) => [name, arrays.get(name)]));
  const logits = arrays.get('logits');
  const bytes = 4 * logits.size;
  return async (token, length) => {
    const values = inputValues(token, length);
    INPUTS.forEach((name, i) =>
      device.queue.writeBuffer(arrays.buffer(name), 0, Int32Array.of(values[i] ?? 0)),
    );
    await session.run({ ...inputs, ...past }, { ...present, logits });
    return readBuffer(device, arrays.buffer('logits'), bytes);
  };
}

async function readBuffer(
  device: GPUDevice,
  source: GPUBuffer,
  bytes: number,
): Promise<Float32Array<ArrayBuffer>> {
  const staging = device.createBuffer({
    size: bytes,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, staging, 0, bytes);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const result = new Float32Array(staging.getMappedRange().slice(0));
  staging.destroy();
  return result;
}

export class OrtDecoder {
  readonly #session: OrtSession;
  readonly #arrays: Arrays;
  readonly #run: Run;
  #length = 0;

  private constructor(session: OrtSession, arrays: Arrays, run: Run) {
    this.#session = session;
    this.#arrays = arrays;
    this.#run = run;
  }

  /** @param capture records the first token's run and replays it for the others. */
  static async open(
    device: GPUDevice,
    config: DecoderConfig,
    read: WeightReader,
    capture: boolean,
  ): Promise<OrtDecoder> {
    const ort = await loadOrt('webgpu');
    const files = await filesOf(config, read);
    const session = await OrtSession.open(ort, files, {
      provider: 'webgpu',
      device,
      capture,
      keptOutputs: [],
    });
    const arrays = await Arrays.allocate(ort, device, arraySpecs(config));
    const cache = cacheOf(config, arrays);
    const run = capture ? capturedRun(device, session, arrays, cache) : plainRun(ort, session, cache);
    return new OrtDecoder(session, arrays, run);
  }

  get length(): number {
    return this.#length;
  }

  /** Logits after the last of `tokens`, which are read one by one. */
  async feed(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    let logits: Float32Array<ArrayBuffer> = new Float32Array();
    for (const token of tokens) {
      logits = await this.#run(token, this.#length);
      this.#length += 1;
    }
    return logits;
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
    await this.#arrays.dispose();
  }
}
