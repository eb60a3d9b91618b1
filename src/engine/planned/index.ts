// The planned engine as models see it.
export * from './kernels/adamw';
export * from './kernels/attention';
export * from './kernels/cross-entropy';
export * from './kernels/elementwise';
export * from './kernels/embedding';
export * from './kernels/linear';
export * from './kernels/rms-norm';
export * from './kernels/rope';
export * from './kernels/swiglu';
export * from './arena';
export * from './gpu-memory';
export * from './parameter';
export * from './plan';
export * from './plan-device';
export * from './recorder';
export * from './tape';
export * from './weight-store';
