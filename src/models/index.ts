// What composition roots use of this folder. Seams are in loaded-model and trainable-model.
export { createModelFamilies } from './families';
export { graphWays } from './onnx/graph-ways';
export { ModelFiles, type ModelFilesParts } from './model-files';
export type { ModelFacts, ModelInspection } from './reading/inspect-model';
export { ModelFamilies, type ModelFamily, type ModelPlan, type ModelRuntime } from './model-family';
export { runOrtSelfTest } from './decoder/ort/ort-self-test';
export { runPlannedSelfTest } from './planned-self-test';
export { runSelfTest } from './self-test';
