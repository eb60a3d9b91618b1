// Any ONNX graph in onnxruntime as models run it: whole numbers in, arrays that stay where the runtime has them, floats out.
// One run at a time. Owns the session; arrays are their holders' to release.
import { AppError, messageOf } from '../../lib/errors';
import { halvesToFloats } from '../../lib/formats/float16';
import { Turnstile } from '../../lib/async/turnstile';
import type { Tensor } from 'onnxruntime-web';
import { copyCut, cutOf } from './cut-array';
import type { Ort, OrtProvider } from './load-ort';
import { OrtSession, type OrtFiles } from './ort-session';

export type GraphInteger = 'int64' | 'int32' | 'bool' | 'float32';
export type GraphFloat = 'float32' | 'float16';

/** An array in the runtime's memory or in ours. */
export interface GraphArray {
  readonly shape: readonly number[];
  /** @internal */
  readonly tensor: Tensor;
}

export interface GraphRunnerParts {
  ort: Ort;
  session: OrtSession;
  provider: OrtProvider;
  /** null on the CPU. */
  device: GPUDevice | null;
}

const HALF_BYTES = 2;
const FLOAT_BYTES = 4;

export class GraphRunner {
  readonly provider: OrtProvider;
  readonly #parts: GraphRunnerParts;
  readonly #line = new Turnstile();
  #disposed = false;

  private constructor(parts: GraphRunnerParts) {
    this.#parts = parts;
    this.provider = parts.provider;
  }

  /**
   * @param kept outputs that stay on the GPU.
   * @throws AppError `model.unsupported` with what onnxruntime says of the graph, `engine.out-of-memory`.
   */
  static async open(
    ort: Ort,
    files: OrtFiles,
    device: GPUDevice | null,
    kept: readonly string[],
  ): Promise<GraphRunner> {
    const provider = device === null ? 'wasm' : 'webgpu';
    try {
      const session = await OrtSession.open(
        ort,
        files,
        device === null
          ? { provider: 'wasm' }
          : { provider: 'webgpu', device, capture: false, keptOutputs: kept },
      );
      return new GraphRunner({ ort, session, provider, device });
    } catch (cause) {
      throw refusal('open', cause);
    }
  }

  integers(type: GraphInteger, values: readonly number[], shape: readonly number[]): GraphArray {
    const { Tensor } = this.#parts.ort;
    const data = {
      int64: () => new Tensor('int64', BigInt64Array.from(values, BigInt), shape),
      int32: () => new Tensor('int32', Int32Array.from(values), shape),
      bool: () => new Tensor('bool', Uint8Array.from(values), shape),
      float32: () => new Tensor('float32', Float32Array.from(values), shape),
    };
    return { shape, tensor: data[type]() };
  }

  /** Floats as they are; not copied. */
  pixels(values: Float32Array<ArrayBuffer>, shape: readonly number[]): GraphArray {
    return { shape, tensor: new this.#parts.ort.Tensor('float32', values, shape) };
  }

  zeros(type: GraphFloat, shape: readonly number[]): GraphArray {
    const { Tensor } = this.#parts.ort;
    const size = shape.reduce((product, n) => product * n, 1);
    const tensor =
      type === 'float32'
        ? new Tensor('float32', new Float32Array(size), shape)
        : new Tensor('float16', new Uint16Array(size), shape);
    return { shape, tensor };
  }

  /** @throws AppError `model.unsupported` with what onnxruntime says, `engine.out-of-memory`. */
  async run(
    inputs: Readonly<Record<string, GraphArray>>,
    wanted: readonly string[],
  ): Promise<Record<string, GraphArray>> {
    const feeds = Object.fromEntries(Object.entries(inputs).map(([name, { tensor }]) => [name, tensor]));
    return this.#line.pass(async () => {
      if (this.#disposed) throw new AppError('internal', 'The graph is closed.');
      try {
        const outputs = await this.#parts.session.runFor(feeds, wanted);
        return Object.fromEntries(
          Object.entries(outputs).map(([name, tensor]) => [name, { shape: tensor.dims, tensor }]),
        );
      } catch (cause) {
        throw refusal('run', cause);
      }
    });
  }

  /** The first `steps` of an array along an axis, as an array of its own; the whole one stays. */
  cut(array: GraphArray, axis: number, steps: number): GraphArray {
    const { tensor, shape } = array;
    const cut = cutOf(shape, axis, steps);
    const dims = shape.map((size, index) => (index === axis ? steps : size));
    const type = tensor.type === 'float16' ? 'float16' : 'float32';
    if (steps === 0 || tensor.location !== 'gpu-buffer') {
      const result = this.zeros(type, dims);
      if (steps > 0) copyCut(tensor.data as Float32Array, result.tensor.data as Float32Array, cut);
      return result;
    }
    const elementBytes = type === 'float16' ? HALF_BYTES : FLOAT_BYTES;
    const [stride, length] = [cut.stride * elementBytes, cut.length * elementBytes];
    return { shape: dims, tensor: this.#cutOnDevice(tensor, type, dims, { ...cut, stride, length }) };
  }

  floats(array: GraphArray): Promise<Float32Array<ArrayBuffer>> {
    return this.#floats(
      array,
      0,
      array.shape.reduce((size, n) => size * n, 1),
    );
  }

  /** @param from row of the last axis, counted from the first of all rows. */
  row(array: GraphArray, from: number): Promise<Float32Array<ArrayBuffer>> {
    const size = array.shape.at(-1) ?? 0;
    return this.#floats(array, from * size, size);
  }

  async #floats({ tensor }: GraphArray, start: number, size: number): Promise<Float32Array<ArrayBuffer>> {
    const data = await tensor.getData();
    if (data instanceof Float32Array) return data.slice(start, start + size);
    if (tensor.type !== 'float16') throw new AppError('internal', `An output is of ${tensor.type}.`);
    // An array of halves where the browser has these, else of their bits.
    const { buffer, byteOffset } = data as Uint16Array<ArrayBuffer>;
    return halvesToFloats(new Uint16Array(buffer, byteOffset + start * HALF_BYTES, size));
  }

  release({ tensor }: GraphArray): void {
    if (tensor.location === 'gpu-buffer') tensor.dispose();
  }

  async dispose(): Promise<void> {
    await this.#line.pass(async () => {
      if (this.#disposed) return;
      this.#disposed = true;
      await this.#parts.session.dispose();
    });
  }

  #cutOnDevice(
    tensor: Tensor,
    dataType: GraphFloat,
    dims: readonly number[],
    { pieces, stride, length }: { pieces: number; stride: number; length: number },
  ): Tensor {
    const { device, ort } = this.#parts;
    if (device === null) throw new AppError('internal', 'An array is on a GPU that is not there.');
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const size = Math.ceil((pieces * length) / 16) * 16;
    const buffer = device.createBuffer({ size, usage });
    const encoder = device.createCommandEncoder();
    for (let piece = 0; piece < pieces; piece += 1) {
      encoder.copyBufferToBuffer(tensor.gpuBuffer, piece * stride, buffer, piece * length, length);
    }
    device.queue.submit([encoder.finish()]);
    return ort.Tensor.fromGpuBuffer(buffer, { dataType, dims, dispose: () => buffer.destroy() });
  }
}

function refusal(work: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause as AppError;
  const said = typeof cause === 'number' ? 'it ran out of memory' : messageOf(cause);
  if (typeof cause === 'number' || /out of memory|allocat|bad_alloc|Aborted/i.test(said)) {
    return new AppError('engine.out-of-memory', `onnxruntime could not ${work} the model: ${said}`, {
      cause,
      remedy: 'Close other tabs or choose a smaller variant of the model.',
    });
  }
  return new AppError('model.unsupported', `onnxruntime could not ${work} the model: ${said}`, {
    cause,
    remedy: 'Choose another variant of the model: those in 32-bit floats and in q4 run in every browser.',
  });
}
