// From what is exported to the files of a format, each with its length, none of them made yet.
import type { StreamedFile } from '../../lib/formats/streamed-file';
import type { ExportSource } from './export-source';
import { ggufAdapter, ggufModel } from './gguf-files';
import { onnxDirectory } from './onnx-directory';
import { safetensorsDirectory } from './safetensors-directory';

/** Formats that are made of weights; the others pack files that lie ready. */
export type WeightFormat =
  | 'safetensors-f32'
  | 'safetensors-f16'
  | 'safetensors-bf16'
  | 'gguf-f32'
  | 'gguf-f16'
  | 'gguf-q8_0'
  | 'gguf-q4_0'
  | 'onnx';

/**
 * @param baseName of a single file, without its ending.
 * @throws AppError `model.unsupported` where the format has no place for something of the model.
 */
export function exportFiles(source: ExportSource, format: WeightFormat, baseName: string): StreamedFile[] {
  switch (format) {
    case 'safetensors-f32':
      return safetensorsDirectory(source, 'F32');
    case 'safetensors-f16':
      return safetensorsDirectory(source, 'F16');
    case 'safetensors-bf16':
      return safetensorsDirectory(source, 'BF16');
    case 'gguf-f32':
      return [ggufModel(source, `${baseName}-F32.gguf`, 'F32')];
    case 'gguf-f16':
      return [ggufModel(source, `${baseName}-F16.gguf`, 'F16')];
    case 'gguf-q8_0':
      return [ggufModel(source, `${baseName}-Q8_0.gguf`, 'Q8_0')];
    case 'gguf-q4_0':
      return [ggufModel(source, `${baseName}-Q4_0.gguf`, 'Q4_0')];
    case 'onnx':
      return onnxDirectory(source);
  }
}

/** @throws AppError `model.unsupported` for DoRA; RangeError where the source has no adapter. */
export function adapterFile(source: ExportSource, baseName: string): StreamedFile {
  if (source.adapter === null) throw new RangeError('There is no adapter to write.');
  return ggufAdapter(source, source.adapter, `${baseName}-lora-F32.gguf`);
}
