// Sets up tfjs's wasm backend: where its binaries lie and how it runs. One thread: at the sizes that a machine without a
// GPU trains, a second one brought nothing, and threads need workers of their own.
import * as tf from '@tensorflow/tfjs-core';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

/** URLs of the binaries by the names tfjs gives them; it asks for all three. */
export type WasmPaths = Record<
  'tfjs-backend-wasm.wasm' | 'tfjs-backend-wasm-simd.wasm' | 'tfjs-backend-wasm-threaded-simd.wasm',
  string
>;

/** @param paths null loads them from beside the package, which only Node can. */
export function prepareWasm(paths: WasmPaths | null): void {
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  setThreadsCount(1);
  if (paths !== null) setWasmPaths(paths);
}
