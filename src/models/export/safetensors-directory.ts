// A model as the directory that transformers, vLLM, llama.cpp's converter and Fragua itself open: weights under the family's
// own names, config, tokenizer, chat template, generation settings and a model card.
import type { SafetensorsType } from '../../lib/formats/safetensors';
import { streamSafetensors, type StreamedArray } from '../../lib/formats/safetensors-stream';
import { jsonFile, textFile, type StreamedFile } from '../../lib/formats/streamed-file';
import { weightsOf, type ExportSource } from './export-source';
import { modelCard } from './model-card';
import { weightParts } from './weight-parts';

const TORCH_TYPES: Record<SafetensorsType, string> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };

export function safetensorsDirectory(source: ExportSource, type: SafetensorsType): StreamedFile[] {
  const read = source.plan.fileReader(weightsOf(source));
  const arrays = [...source.plan.weightShapes()].map(([name, shape]): StreamedArray => ({
    name,
    shape,
    parts: () => weightParts(read, name, shape),
  }));
  const { license } = source.model;
  return [
    streamSafetensors('model.safetensors', arrays, type, license === null ? {} : { license }),
    jsonFile('config.json', { ...source.configJson, torch_dtype: TORCH_TYPES[type] }),
    ...companionFiles(source),
    textFile('README.md', modelCard(source, { kind: 'safetensors', type })),
  ];
}

/** What stands beside weights of any format: tokenizer, template, generation settings. */
export function companionFiles({ tokenizer, chatTemplate, generationJson }: ExportSource): StreamedFile[] {
  return [
    textFile('tokenizer.json', tokenizer.tokenizerJson),
    textFile('tokenizer_config.json', tokenizer.tokenizerConfigJson),
    ...(chatTemplate === null ? [] : [textFile('chat_template.jinja', chatTemplate)]),
    jsonFile('generation_config.json', generationJson),
  ];
}
