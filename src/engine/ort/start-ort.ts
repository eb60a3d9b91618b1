// Loads onnxruntime's wasm from among this site's files and starts it, when it is first needed. The script is served as it
// is, unbundled: its threads are workers that load the same file. For browsers only.
import script from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasm from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';
import { OrtEngine, type OrtFactory } from './ort-engine';

const MAX_THREADS = 4;

/** Threads need memory that is shared, which pages have where they are isolated from others. */
export function ortThreads(): number {
  return globalThis.crossOriginIsolated ? Math.min(MAX_THREADS, navigator.hardwareConcurrency) : 1;
}

/** @throws AppError `internal` where it cannot be loaded or does not start. */
export function startOrt(threads = ortThreads()): Promise<OrtEngine> {
  const factory: OrtFactory = async (settings) => {
    const loaded = (await import(/* @vite-ignore */ new URL(script, location.href).href)) as {
      default: OrtFactory;
    };
    return loaded.default(settings);
  };
  return OrtEngine.start(factory, new URL(wasm, location.href).href, threads);
}
