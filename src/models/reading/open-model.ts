// A model's files opened and checked against each other, in whichever format its weights are: the plan that its
// configuration makes, and a reader of its weights by the decoder's names; of an ONNX model what its graph takes. Weights
// stay in their files.
import type { ModelFormat } from '../../protocol/models';
import type { ModelFamilies } from '../model-family';
import { openGgufModel } from './gguf-model';
import { openOnnxModel } from './onnx-model';
import type { ModelSource } from './model-source';
import type { OpenedModel, OpenedWeights } from './opened-model';
import { openSafetensorsModel } from './safetensors-model';

export async function openModel(
  source: ModelSource,
  families: ModelFamilies,
  format: OpenedWeights['format'],
): Promise<OpenedWeights>;
export async function openModel(
  source: ModelSource,
  families: ModelFamilies,
  format: ModelFormat,
): Promise<OpenedModel>;
/** @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`, `storage.missing`. */
export async function openModel(
  source: ModelSource,
  families: ModelFamilies,
  format: ModelFormat,
): Promise<OpenedModel> {
  if (format === 'gguf') return openGgufModel(source, families);
  if (format === 'onnx') return openOnnxModel(source);
  return openSafetensorsModel(source, families);
}
