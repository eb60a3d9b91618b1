// Where the build put tfjs's wasm binaries: files of this site, so they work offline. For browsers only.
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import type { WasmPaths } from './wasm-backend';

export const wasmUrls: WasmPaths = {
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  // Asked for and never loaded: the backend runs on one thread.
  'tfjs-backend-wasm-threaded-simd.wasm': simd,
};
