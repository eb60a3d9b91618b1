// What composition roots use of this folder. Seams are in loaded-model and trainable-model.
export { createModelFamilies } from './families';
export { ModelFiles, type ModelFacts, type ModelFilesParts } from './model-files';
export { ModelFamilies, type ModelFamily, type ModelPlan, type ModelRuntime } from './model-family';
export { runPlannedSelfTest } from './planned-self-test';
export { runSelfTest } from './self-test';
