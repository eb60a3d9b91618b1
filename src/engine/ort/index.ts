// onnxruntime-web as others see it; nothing outside this folder imports the package. Apart from the engine's index, so that
// whoever does not run ONNX models does not load it.
export { loadOrt, type Ort, type OrtProvider } from './load-ort';
export { OrtSession, type OrtData, type OrtFiles, type OrtTarget } from './ort-session';
export type { Tensor as OrtTensor } from 'onnxruntime-web';
