// onnxruntime for the CPU with its memory in the caller's hand, through the C interface that the package's own JavaScript
// stands on. That JavaScript copies every input in and every output out at each run, a cache of keys and values too; here
// arrays stay where they are and a run is one call. It is no general runtime: no strings, no providers. Owns the wasm
// module and its threads; memory, arrays and graphs are their makers' to free.
import { AppError, messageOf } from '../../lib/errors';

/** The part of the wasm module that is used; names are the package's. */
export interface OrtModule {
  /** A view of all memory, made anew when that grows. */
  readonly HEAPU8: Uint8Array<ArrayBufferLike>;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  getValue(pointer: number, type: 'i32' | '*'): number;
  setValue(pointer: number, value: number, type: 'i32' | '*'): void;
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, bytes: number): void;
  UTF8ToString(pointer: number): string;
  _OrtInit(threads: number, loggingLevel: number): number;
  _OrtGetLastError(code: number, message: number): number;
  _OrtCreateSessionOptions(
    optimizationLevel: number,
    arena: boolean,
    memoryPattern: boolean,
    executionMode: number,
    profiling: boolean,
    profilePrefix: number,
    logId: number,
    logSeverity: number,
    logVerbosity: number,
    optimizedPath: number,
  ): number;
  _OrtReleaseSessionOptions(options: number): number;
  _OrtCreateSession(data: number, bytes: number, options: number): number | Promise<number>;
  _OrtReleaseSession(session: number): number;
  _OrtCreateTensor(
    type: number,
    data: number,
    bytes: number,
    dims: number,
    rank: number,
    location: number,
  ): number;
  _OrtReleaseTensor(tensor: number): number;
  _OrtRun(
    session: number,
    inputNames: number,
    inputs: number,
    inputCount: number,
    outputNames: number,
    outputCount: number,
    outputs: number,
    options: number,
  ): number | Promise<number>;
}

export type OrtFactory = (settings: {
  numThreads: number;
  locateFile: (name: string) => string;
}) => Promise<OrtModule>;

/** Element types by their numbers; all of four bytes. */
const TYPES = { float: 1, int32: 6 } as const;
export type OrtElement = keyof typeof TYPES;

const ELEMENT_BYTES = 4;
const POINTER_BYTES = 4;
const ERRORS_ONLY = 3;
const ALL_OPTIMIZATIONS = 99;
/** In the memory of the module. */
const ON_CPU = 1;

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);

/** An array in the module's memory. */
export interface OrtArray {
  readonly handle: number;
  readonly pointer: number;
  readonly shape: readonly number[];
}

export class OrtEngine {
  readonly threads: number;
  readonly #module: OrtModule;

  private constructor(module: OrtModule, threads: number) {
    this.#module = module;
    this.threads = threads;
  }

  /** @throws AppError `internal` where the module does not start. */
  static async start(factory: OrtFactory, wasmUrl: string, threads: number): Promise<OrtEngine> {
    try {
      const module = await factory({ numThreads: threads, locateFile: () => wasmUrl });
      const engine = new OrtEngine(module, threads);
      engine.#check(module._OrtInit(threads, ERRORS_ONLY), 'start');
      return engine;
    } catch (cause) {
      throw new AppError('internal', `onnxruntime did not start: ${messageOf(cause)}`, {
        cause,
        remedy: 'Reload the page; the first visit needs the network.',
      });
    }
  }

  /** Zeros. @throws AppError `engine.out-of-memory`. */
  allocate(type: OrtElement, shape: readonly number[]): OrtArray {
    const bytes = sizeOf(shape) * ELEMENT_BYTES;
    const pointer = this.#malloc(bytes);
    this.#module.HEAPU8.fill(0, pointer, pointer + bytes);
    return { ...this.view(type, pointer, shape), pointer };
  }

  /** Other sizes for memory that is there already; release it with `forget`. */
  view(type: OrtElement, pointer: number, shape: readonly number[]): OrtArray {
    const module = this.#module;
    const dims = this.#malloc(shape.length * POINTER_BYTES);
    shape.forEach((size, i) => module.setValue(dims + i * POINTER_BYTES, size, 'i32'));
    const bytes = sizeOf(shape) * ELEMENT_BYTES;
    const handle = module._OrtCreateTensor(TYPES[type], pointer, bytes, dims, shape.length, ON_CPU);
    module._free(dims);
    if (handle === 0) throw this.#failure('make an array');
    return { handle, pointer, shape };
  }

  /** The array goes, its memory stays. */
  forget({ handle }: OrtArray): void {
    this.#module._OrtReleaseTensor(handle);
  }

  free(array: OrtArray): void {
    this.forget(array);
    this.#module._free(array.pointer);
  }

  /** Valid until memory is allocated. */
  floats({ pointer, shape }: OrtArray): Float32Array<ArrayBufferLike> {
    return new Float32Array(this.#module.HEAPU8.buffer, pointer, sizeOf(shape));
  }

  /** Valid until memory is allocated. */
  integers({ pointer, shape }: OrtArray): Int32Array<ArrayBufferLike> {
    return new Int32Array(this.#module.HEAPU8.buffer, pointer, sizeOf(shape));
  }

  /** @throws AppError `internal` for a graph that onnxruntime refuses. */
  async open(graph: Uint8Array<ArrayBuffer>): Promise<OrtGraph> {
    const module = this.#module;
    const options = module._OrtCreateSessionOptions(
      ALL_OPTIMIZATIONS,
      true,
      true,
      0,
      false,
      0,
      0,
      ERRORS_ONLY,
      0,
      0,
    );
    if (options === 0) throw this.#failure('prepare a graph');
    const data = this.#malloc(graph.byteLength);
    try {
      module.HEAPU8.set(graph, data);
      const session = await module._OrtCreateSession(data, graph.byteLength, options);
      if (session === 0) throw this.#failure('open the graph');
      return new OrtGraph(this, module, session);
    } finally {
      module._free(data);
      module._OrtReleaseSessionOptions(options);
    }
  }

  /** @throws AppError `internal` with what onnxruntime says, unless `code` is 0. */
  #check(code: number, work: string): void {
    if (code !== 0) throw this.#failure(work);
  }

  #failure(work: string): AppError<'internal'> {
    return new AppError('internal', `onnxruntime could not ${work}: ${this.lastError()}`);
  }

  lastError(): string {
    const module = this.#module;
    const place = this.#malloc(2 * POINTER_BYTES);
    module._OrtGetLastError(place, place + POINTER_BYTES);
    const message = module.getValue(place + POINTER_BYTES, '*');
    module._free(place);
    return message === 0 ? 'it does not say why' : module.UTF8ToString(message);
  }

  #malloc(bytes: number): number {
    const pointer = this.#module._malloc(Math.max(bytes, POINTER_BYTES)) >>> 0;
    if (pointer !== 0) return pointer;
    throw new AppError('engine.out-of-memory', `onnxruntime has no room for ${bytes} bytes more.`, {
      details: { bytes },
      remedy: 'Close other tabs or choose a smaller model.',
    });
  }
}

/** A graph that is ready to run. */
export class OrtGraph {
  readonly #engine: OrtEngine;
  readonly #module: OrtModule;
  readonly #session: number;

  constructor(engine: OrtEngine, module: OrtModule, session: number) {
    this.#engine = engine;
    this.#module = module;
    this.#session = session;
  }

  /** A run that is repeated with the same arrays. All inputs and outputs of the graph have to be named. */
  bind(inputs: ReadonlyMap<string, OrtArray>, outputs: ReadonlyMap<string, OrtArray>): OrtCall {
    return new OrtCall(this.#engine, this.#module, this.#session, inputs, outputs);
  }

  dispose(): void {
    this.#module._OrtReleaseSession(this.#session);
  }
}

/** Names and arrays as the C interface takes them: two lists for inputs, two for outputs, in one piece of memory. */
export class OrtCall {
  readonly #engine: OrtEngine;
  readonly #module: OrtModule;
  readonly #session: number;
  readonly #block: number;
  readonly #inputs: readonly string[];
  readonly #outputs: readonly string[];
  readonly #names: number[];

  constructor(
    engine: OrtEngine,
    module: OrtModule,
    session: number,
    inputs: ReadonlyMap<string, OrtArray>,
    outputs: ReadonlyMap<string, OrtArray>,
  ) {
    this.#engine = engine;
    this.#module = module;
    this.#session = session;
    this.#inputs = [...inputs.keys()];
    this.#outputs = [...outputs.keys()];
    const names = [...this.#inputs, ...this.#outputs];
    const handles = [...inputs.values(), ...outputs.values()].map(({ handle }) => handle);
    this.#names = names.map((name) => {
      const bytes = module.lengthBytesUTF8(name) + 1;
      const pointer = module._malloc(bytes);
      module.stringToUTF8(name, pointer, bytes);
      return pointer;
    });
    this.#block = module._malloc(2 * names.length * POINTER_BYTES);
    [...this.#names, ...handles].forEach((value, i) =>
      module.setValue(this.#block + i * POINTER_BYTES, value, '*'),
    );
  }

  /** Another array for an input from now on. */
  replaceInput(name: string, { handle }: OrtArray): void {
    const place = this.#names.length + this.#inputs.indexOf(name);
    this.#module.setValue(this.#block + place * POINTER_BYTES, handle, '*');
  }

  /** @throws AppError `internal` with what onnxruntime says. */
  async run(): Promise<void> {
    const [inputs, outputs] = [this.#inputs.length, this.#outputs.length];
    const at = (index: number): number => this.#block + index * POINTER_BYTES;
    const values = at(this.#names.length);
    const code = await this.#module._OrtRun(
      this.#session,
      at(0),
      values,
      inputs,
      at(inputs),
      outputs,
      values + inputs * POINTER_BYTES,
      0,
    );
    if (code === 0) return;
    throw new AppError('internal', `onnxruntime could not run the model: ${this.#engine.lastError()}`);
  }

  dispose(): void {
    for (const name of this.#names) this.#module._free(name);
    this.#module._free(this.#block);
  }
}
