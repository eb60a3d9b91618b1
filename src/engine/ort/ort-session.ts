// A model in onnxruntime: opened from the files an exporter wrote, run with named arrays, one run at a time. What runs on the
// GPU runs on the device given. Arrays on the GPU that a run returns are the caller's to dispose; the session disposes of
// its weights only.
import type { InferenceSession, Tensor } from 'onnxruntime-web';
import type { Ort } from './load-ort';

export interface OrtFiles {
  graph: Uint8Array<ArrayBuffer>;
  /** Weights beside the graph. */
  data?: OrtData | readonly OrtData[];
}

/** A file of weights, by the name that the graph has for it. */
export interface OrtData {
  name: string;
  content: Blob | Uint8Array<ArrayBuffer>;
}

export type OrtTarget =
  | { provider: 'wasm' }
  | {
      provider: 'webgpu';
      device: GPUDevice;
      /**
       * The first run is recorded and replayed from then on: all inputs and outputs have to be buffers of the device, the
       * same ones in each run, and every operator has to run there.
       */
      capture: boolean;
      /** Outputs that stay on the GPU where the runtime allocates them; the others are read. */
      keptOutputs: readonly string[];
    };

type Options = InferenceSession.SessionOptions;

/** The object form of the provider: named by a string it does not hear of capturing. */
function optionsOf(target: OrtTarget): Options {
  if (target.provider === 'wasm') return { executionProviders: ['wasm'] };
  const { device, capture, keptOutputs } = target;
  const options: Options = { executionProviders: [{ name: 'webgpu', device, validationMode: 'disabled' }] };
  if (capture) return { ...options, enableGraphCapture: true };
  if (keptOutputs.length === 0) return options;
  return {
    ...options,
    preferredOutputLocation: Object.fromEntries(keptOutputs.map((name) => [name, 'gpu-buffer'])),
  };
}

export class OrtSession {
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  static async open(ort: Ort, { graph, data }: OrtFiles, target: OrtTarget): Promise<OrtSession> {
    const externalData = [data ?? []].flat().map(({ name, content }) => ({ path: name, data: content }));
    const options: Options = { ...optionsOf(target), graphOptimizationLevel: 'all', externalData };
    return new OrtSession(await ort.InferenceSession.create(graph, options));
  }

  get inputs(): readonly string[] {
    return this.#session.inputNames;
  }

  get outputs(): readonly string[] {
    return this.#session.outputNames;
  }

  /** @param into memory for outputs, by name; the runtime allocates the others. */
  async run(
    inputs: Record<string, Tensor>,
    into: Record<string, Tensor> = {},
  ): Promise<Record<string, Tensor>> {
    const fetches = Object.fromEntries(this.outputs.map((name) => [name, into[name] ?? null]));
    return this.#session.run(inputs, fetches);
  }

  /** Of all outputs only those. */
  async runFor(inputs: Record<string, Tensor>, wanted: readonly string[]): Promise<Record<string, Tensor>> {
    return this.#session.run(inputs, wanted);
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}
