// Opens what is to be exported: an installed model, and an adapter of its own, from the stores they lie in. Weights are read
// later, by whoever writes a file.
import { readModelFile, readTokenizerFiles } from '../../core/model-files';
import { AppError } from '../../lib/errors';
import { readSafetensor, readSafetensorsHeader } from '../../lib/formats/safetensors';
import type { BlobStore } from '../../lib/storage/blob-store';
import { parseTokenizerJson } from '../../lib/text/tokenizer-config';
import type { AdapterRecord, ModelRecord } from '../../protocol/models';
import { checkAdapterArray } from '../decoder/lora-weights';
import type { FileArray } from '../file-layout';
import type { ModelFamilies, ModelPlan } from '../model-family';
import { ADAPTER_WEIGHTS, withoutPrefix } from '../peft';
import { openWeights } from '../weights-file';
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
  const configJson = await requiredJson(model, 'config.json', blobs);
  const { plan } = families.plan(configJson);
  const weights = await requiredFile(model, 'model.safetensors', blobs);
  const tokenizer = await readTokenizerFiles(model, blobs);
  return {
    model,
    plan,
    base: plan.decoderReader(await openWeights(weights, plan.weightShapes())),
    configJson,
    generationJson: (await optionalJson(model, 'generation_config.json', blobs)) ?? generationOf(configJson),
    tokenizer,
    chatTemplate: await templateOf(model, tokenizer.tokenizerConfigJson, blobs),
    adapter: adapter === null ? null : await openAdapter(adapter, model, plan, blobs),
  };
}

/** transformers.js wants such a file; the ids are those of config.json. */
function generationOf(config: Record<string, unknown>): Record<string, unknown> {
  const keys = ['bos_token_id', 'eos_token_id', 'pad_token_id'];
  return Object.fromEntries(keys.flatMap((key) => (config[key] == null ? [] : [[key, config[key]]])));
}

/** A file of its own wins over tokenizer_config.json, as in transformers. */
async function templateOf(model: ModelRecord, configJson: string, blobs: BlobStore): Promise<string | null> {
  const file = await readModelFile(model, 'chat_template.jinja', blobs);
  if (file !== null) return file.text();
  const template = parseTokenizerJson(configJson, 'tokenizer_config.json')['chat_template'];
  return typeof template === 'string' ? template : null;
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
  if (file === null) throw missing(ADAPTER_WEIGHTS, record.name);
  const { tensors } = await readSafetensorsHeader(file);
  const arrays = new Map<string, FileArray>();
  for (const [name, entry] of tensors) arrays.set(withoutPrefix(name), await readSafetensor(file, entry));
  for (const [name, shape] of plan.adapterShapes(record.lora))
    checkAdapterArray(name, shape, arrays.get(name));
  return { record, lora: record.lora, arrays };
}

async function requiredFile(model: ModelRecord, name: string, blobs: BlobStore): Promise<Blob> {
  const blob = await readModelFile(model, name, blobs);
  if (blob === null) throw missing(name, model.name);
  return blob;
}

function missing(name: string, owner: string): AppError<'storage.missing'> {
  return new AppError('storage.missing', `${name} of "${owner}" is gone.`, {
    details: { name },
    remedy: 'Delete the entry and import it again.',
  });
}

async function requiredJson(
  model: ModelRecord,
  name: string,
  blobs: BlobStore,
): Promise<Record<string, unknown>> {
  const json = await optionalJson(model, name, blobs);
  if (json === null) throw missing(name, model.name);
  return json;
}

async function optionalJson(
  model: ModelRecord,
  name: string,
  blobs: BlobStore,
): Promise<Record<string, unknown> | null> {
  const blob = await readModelFile(model, name, blobs);
  return blob === null ? null : parseTokenizerJson(await blob.text(), name);
}
