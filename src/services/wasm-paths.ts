// Where the wasm backend's binaries lie on this site: the bundler follows these URLs and ships what they name.
import type { WasmPaths } from '../engine';

const simd = new URL(
  '../../node_modules/@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm',
  import.meta.url,
).href;
const plain = new URL(
  '../../node_modules/@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm',
  import.meta.url,
).href;

/** The backend wants a name for its threaded binary too; threads are off, so that one is never loaded. */
export const wasmPaths: WasmPaths = {
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': simd,
};
