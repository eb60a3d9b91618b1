// A model that is one GGUF file, whole or in parts: its configuration, tokenizer, template and generation settings are rebuilt from the
// metadata as the files that a safetensors model has beside its weights, so that everybody else reads only these.
import type { GgufEntry, GgufHeader, GgufType } from '../../lib/formats/gguf/gguf-types';
import { ggufNumber, ggufText } from '../../lib/formats/gguf/gguf-values';
import { tokenizerOfGguf } from '../../lib/formats/gguf/tokenizer-from-gguf';
import type { NamedFile, Precision } from '../../protocol/models';
import { openGguf } from '../decoder/gguf/gguf-weights';
import type { ModelFamilies } from '../model-family';
import type { OpenedWeights } from './opened-model';
import type { ModelSource } from './model-source';
import {
  CONFIG,
  GENERATION_CONFIG,
  GGUF_WEIGHTS,
  ggufPartName,
  TOKENIZER,
  TOKENIZER_CONFIG,
} from './weight-files';

/** general.file_type (llama_ftype) of mixtures whose types are all read. */
const MIXTURES: ReadonlyMap<number, Precision> = new Map([
  [14, 'Q4_K_S'],
  [15, 'Q4_K_M'],
  [16, 'Q5_K_S'],
  [17, 'Q5_K_M'],
]);

/** @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`, `storage.missing`. */
export async function openGgufModel(source: ModelSource, families: ModelFamilies): Promise<OpenedWeights> {
  const { header, parts, configJson, reader } = await openGguf(
    await source.need(GGUF_WEIGHTS),
    families.ggufForms,
    { find: (number, count) => source.need(ggufPartName(number, count)) },
  );
  const { family, plan } = families.plan(configJson);
  return {
    format: 'gguf',
    family,
    plan,
    read: reader(plan.decoder),
    precision: precisionOf(header),
    license: ggufText(header.metadata, 'general.license'),
    weights: parts.map((blob, index) => ({ name: ggufPartName(index + 1, parts.length), blob })),
    beside: () => besideOf(header, configJson),
  };
}

function besideOf({ metadata }: GgufHeader, configJson: Record<string, unknown>): NamedFile[] {
  const { tokenizerJson, tokenizerConfigJson } = tokenizerOfGguf(metadata);
  const generation = {
    bos_token_id: ggufNumber(metadata, 'tokenizer.ggml.bos_token_id'),
    eos_token_id: configJson['eos_token_id'] ?? null,
  };
  const json = (name: string, text: string): NamedFile => ({
    name,
    blob: new Blob([text], { type: 'application/json' }),
  });
  return [
    json(CONFIG, JSON.stringify(configJson, null, 2)),
    json(TOKENIZER, tokenizerJson),
    json(TOKENIZER_CONFIG, tokenizerConfigJson),
    json(GENERATION_CONFIG, JSON.stringify(generation, null, 2)),
  ];
}

/** As the file says of itself where it is a mixture, else the type of most of its bytes. */
function precisionOf({ metadata, tensors }: GgufHeader): Precision {
  const most = typeOfMost(tensors.values());
  const mixture = MIXTURES.get(ggufNumber(metadata, 'general.file_type') ?? -1);
  return mixture !== undefined && most.includes('_K') ? mixture : most;
}

function typeOfMost(entries: Iterable<GgufEntry>): GgufType {
  const bytes = new Map<GgufType, number>();
  for (const { type, begin, end } of entries) bytes.set(type, (bytes.get(type) ?? 0) + end - begin);
  return [...bytes].sort(([, a], [, b]) => b - a)[0]?.[0] ?? 'F32';
}
