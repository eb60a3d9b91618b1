// Opens what is to be exported: an installed model, and an adapter of its own, from the stores they lie in. Weights are read
// later, by whoever writes a file.
import { readTokenizerFiles } from '../../core/model-files';
import { AppError } from '../../lib/errors';
import { readSafetensor, readSafetensorsHeader } from '../../lib/formats/safetensors';
import type { BlobStore } from '../../lib/storage/blob-store';
import { parseTokenizerJson } from '../../lib/text/tokenizer-config';
import type { AdapterRecord, ModelRecord } from '../../protocol/models';
import { checkAdapterArray } from '../decoder/lora-weights';
import type { FileArray } from '../file-layout';
import type { ModelFamilies, ModelPlan } from '../model-family';
import { ADAPTER_WEIGHTS, withoutPrefix } from '../peft';
import { sourceOfRecord } from '../reading/model-source';
import { openModel } from '../reading/open-model';
import { needWeights } from '../reading/opened-model';
import { CONFIG, GENERATION_CONFIG } from '../reading/weight-files';
import type { ExportedAdapter, ExportSource } from './export-source';

export interface SourceStores {
  blobs: BlobStore;
  families: ModelFamilies;
}

/**
 * @throws AppError `storage.missing`, `model.unsupported`, `model.bad-header`, `model.truncated`; `adapter.base-mismatch`
 * where the adapter was trained on other weights.
 */
export async function openExportSource(
  { blobs, families }: SourceStores,
  model: ModelRecord,
  adapter: AdapterRecord | null,
): Promise<ExportSource> {
  const files = sourceOfRecord(model, blobs);
  const configJson = await jsonOf(CONFIG, await files.need(CONFIG));
  const opened = await openModel(files, families, model.format ?? 'safetensors');
  const { family, plan, read } = needWeights(opened);
  const tokenizer = await readTokenizerFiles(model, blobs);
  const generation = await files.find(GENERATION_CONFIG);
  const template = parseTokenizerJson(tokenizer.tokenizerConfigJson, 'tokenizer_config.json')[
    'chat_template'
  ];
  return {
    model,
    plan,
    gguf: family.gguf,
    base: read,
    configJson,
    generationJson:
      generation === null ? generationOf(configJson) : await jsonOf(GENERATION_CONFIG, generation),
    tokenizer,
    chatTemplate: typeof template === 'string' ? template : null,
    adapter: adapter === null ? null : await openAdapter(adapter, model, plan, blobs),
  };
}

/** transformers.js wants such a file; the ids are those of config.json. */
function generationOf(config: Record<string, unknown>): Record<string, unknown> {
  const keys = ['bos_token_id', 'eos_token_id', 'pad_token_id'];
  const known = keys.filter((key) => config[key] !== undefined && config[key] !== null);
  return Object.fromEntries(known.map((key): [string, unknown] => [key, config[key]]));
}

async function jsonOf(name: string, blob: Blob): Promise<Record<string, unknown>> {
  return parseTokenizerJson(await blob.text(), name);
}

async function openAdapter(
  record: AdapterRecord,
  model: ModelRecord,
  plan: ModelPlan,
  blobs: BlobStore,
): Promise<ExportedAdapter> {
  if (record.baseFingerprint !== model.fingerprint) {
    throw new AppError(
      'adapter.base-mismatch',
      `${record.name} was trained on other weights than ${model.name}.`,
      {
        details: { adapterId: record.id, baseModelId: model.id },
        remedy: 'Choose the model that the adapter was trained on.',
      },
    );
  }
  const file = await blobs.read(`${record.folder}/${ADAPTER_WEIGHTS}`);
  if (file === null) {
    throw new AppError('storage.missing', `${ADAPTER_WEIGHTS} of ${record.name} is gone.`, {
      details: { adapterId: record.id },
      remedy: 'Make the adapter again from one of its run’s checkpoints, or import it again.',
    });
  }
  const { tensors } = await readSafetensorsHeader(file);
  const arrays = new Map<string, FileArray>();
  for (const [name, entry] of tensors) arrays.set(withoutPrefix(name), await readSafetensor(file, entry));
  for (const [name, shape] of plan.adapterShapes(record.lora))
    checkAdapterArray(name, shape, arrays.get(name));
  return { record, lora: record.lora, arrays };
}
