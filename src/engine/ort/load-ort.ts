// onnxruntime-web, loaded when it is first needed, with its wasm among this site's files. Which build: the one without a
// GPU for the CPU; for WebGPU the one that suspends where the browser can (JSPI), else the one rewritten to (asyncify).
// Never the package's default entry, whose WebGPU kernels are another, older set. For browsers only.
import type * as OrtModule from 'onnxruntime-web';
import { AppError } from '../../lib/errors';

export type Ort = typeof OrtModule;
export type OrtProvider = 'webgpu' | 'wasm';

interface Build {
  ort: Ort;
  wasm: { default: string };
  /** The script beside it, which its threads load; within the build where it has no threads. */
  script?: { default: string };
}

async function loadBuild(provider: OrtProvider): Promise<Build> {
  if (provider === 'wasm') {
    const [ort, wasm, script] = await Promise.all([
      import('onnxruntime-web/wasm'),
      import('onnxruntime-web/ort-wasm-simd-threaded.wasm?url'),
      import('onnxruntime-web/ort-wasm-simd-threaded.mjs?url'),
    ]);
    return { ort, wasm, script };
  }
  if ('Suspending' in WebAssembly) {
    const [ort, wasm] = await Promise.all([
      import('onnxruntime-web/jspi'),
      import('onnxruntime-web/ort-wasm-simd-threaded.jspi.wasm?url'),
    ]);
    return { ort, wasm };
  }
  const [ort, wasm] = await Promise.all([
    import('onnxruntime-web/webgpu'),
    import('onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url'),
  ]);
  return { ort, wasm };
}

const loaded = new Map<OrtProvider, Promise<Ort>>();

async function load(provider: OrtProvider, threads: number): Promise<Ort> {
  const { ort, wasm, script } = await loadBuild(provider);
  const paths = { wasm: new URL(wasm.default, location.href) };
  // A bundle cannot be the script of a thread.
  const own = threads === 1 || script === undefined ? {} : { mjs: new URL(script.default, location.href) };
  ort.env.wasm.wasmPaths = { ...paths, ...own };
  ort.env.wasm.numThreads = threads;
  ort.env.logLevel = 'error';
  return ort;
}

/**
 * The runtime, once a realm and provider.
 * @param threads of the CPU's operators; more than one only where the page is cross-origin isolated.
 * @throws AppError `internal` where its files cannot be loaded.
 */
export function loadOrt(provider: OrtProvider, threads = 1): Promise<Ort> {
  const running = loaded.get(provider) ?? load(provider, threads);
  loaded.set(provider, running);
  return running.catch((cause: unknown) => {
    loaded.delete(provider);
    throw new AppError('internal', `onnxruntime for ${provider} could not be loaded.`, {
      cause,
      details: { provider },
      remedy: 'Reload the page; the first visit needs the network.',
    });
  });
}
