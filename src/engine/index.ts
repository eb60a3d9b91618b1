// What models and training may use of the engine. Nothing outside this folder imports tfjs.
export * from './ops/attention';
export * from './ops/cached-attention';
export * from './ops/cross-entropy';
export * from './ops/elementwise';
export * from './ops/embedding';
export * from './ops/linear';
export * from './ops/mat-mul';
export * from './ops/rms-norm';
export * from './ops/rope';
export * from './ops/swiglu';
export * from './optim/gradient-window';
export * from './optim/parameter-set';
export * from './tensor';
export type { PlanDevice } from './planned/plan-device';
export * from './device/engine-device';
export * from './reference/compare';
export * from './reference/reference-decoder';
export type { WasmPaths } from './device/wasm-backend';
