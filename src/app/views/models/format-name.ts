// What a form of weights is called. Pure.
import type { ModelFormat } from '../../../protocol/models';

const NAMES: Record<ModelFormat, string> = { safetensors: 'safetensors', gguf: 'GGUF', onnx: 'ONNX' };

/** @param format absent in older records, which are all safetensors. */
export const formatName = (format: ModelFormat = 'safetensors'): string => NAMES[format];
