// GGUF files, as llama.cpp, Ollama and LM Studio open them: a model with its tokenizer and template in one file, or an adapter
// as the two matrices of each projection.
import type { GgufWritableType } from '../../lib/formats/gguf/gguf-encode';
import type { GgufValue } from '../../lib/formats/gguf/gguf-types';
import { ggufNumber } from '../../lib/formats/gguf/gguf-values';
import { TOKENIZER_KEYS } from '../../lib/formats/gguf/gguf-vocabulary';
import { writeGguf } from '../../lib/formats/gguf/gguf-writer';
import { ggufTokenizerOf } from '../../lib/formats/gguf/tokenizer-to-gguf';
import type { StreamedFile } from '../../lib/formats/streamed-file';
import { ggufAdapterOf } from '../decoder/gguf/gguf-adapter';
import { ggufMetadataOf } from '../decoder/gguf/gguf-config';
import { ggufTensorsOf } from '../decoder/gguf/gguf-weights';
import { titleOf, weightsOf, type ExportedAdapter, type ExportSource } from './export-source';

/** Places for ids that end an answer beside the end of text. */
const END_KEYS = [TOKENIZER_KEYS.eot, 'tokenizer.ggml.eom_token_id'] as const;

/** @throws AppError `model.unsupported` where GGUF has no form for the tokenizer. */
export function ggufModel(source: ExportSource, fileName: string, type: GgufWritableType): StreamedFile {
  const { decoder } = source.plan;
  const metadata = ggufMetadataOf(decoder, { name: titleOf(source), fileType: type }, source.gguf);
  const { license } = source.model;
  if (license !== null) metadata.set('general.license', { type: 'string', value: license });
  for (const [key, value] of tokenizerKeys(source)) metadata.set(key, value);
  const tensors = ggufTensorsOf(decoder, weightsOf(source), type, source.gguf);
  return writeGguf(fileName, { metadata, tensors });
}

function tokenizerKeys(source: ExportSource): Map<string, GgufValue> {
  const keys = ggufTokenizerOf(source.tokenizer, { vocabSize: source.plan.vocabSize });
  const end = ggufNumber(keys, TOKENIZER_KEYS.eos);
  const others = stopIds(source).filter((id) => id !== end);
  END_KEYS.forEach((key, i) => {
    const value = others[i];
    if (value !== undefined && value < source.plan.vocabSize) keys.set(key, { type: 'uint32', value });
  });
  return keys;
}

/** By config.json and generation_config.json together. */
function stopIds({ plan, generationJson }: ExportSource): number[] {
  const said: unknown[] = [generationJson['eos_token_id']].flat();
  return [...new Set([...plan.stopTokenIds, ...said.filter((id) => typeof id === 'number')])];
}

/** @throws AppError `model.unsupported` for DoRA, `adapter.bad-config` where an array is missing. */
export function ggufAdapter(
  { plan, gguf }: ExportSource,
  { lora, arrays, record }: ExportedAdapter,
  fileName: string,
): StreamedFile {
  return writeGguf(fileName, ggufAdapterOf(plan.decoder, { lora, arrays }, record.name, gguf));
}
