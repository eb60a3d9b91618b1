// A stored adapter as PEFT has it for its base, and what others are told of it: names of modules, the largest rank. Opens the
// base only where its family keeps several projections in one matrix.
import { AppError } from '../../lib/errors';
import { readSafetensor, readSafetensorsHeader } from '../../lib/formats/safetensors';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { AdapterRecord, ModelRecord, NamedFile } from '../../protocol/models';
import type { FileArray } from '../file-layout';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, peftFiles, peftModules, withoutPrefix } from '../peft';
import { readJson, sourceOfRecord } from '../reading/model-source';
import { openModel } from '../reading/open-model';
import { needWeights } from '../reading/opened-model';
import { CONFIG } from '../reading/weight-files';
import type { SourceStores } from './open-source';

export interface PeftExport {
  /** adapter_model.safetensors and adapter_config.json. */
  files: NamedFile[];
  /** As `target_modules` has them. */
  modules: string[];
  /** The largest of a module. */
  rank: number;
}

/** @throws AppError `storage.missing` where a file of the adapter or the base is gone; `model.unsupported` for the base. */
export async function peftAdapter(
  { blobs, families }: SourceStores,
  adapter: AdapterRecord,
  base: ModelRecord,
): Promise<PeftExport> {
  const source = sourceOfRecord(base, blobs);
  const { plan } = families.plan(await readJson(CONFIG, await source.need(CONFIG)));
  const { names, asStored } = peftModules(plan, adapter.lora);
  const stored = await storedFiles(adapter, blobs);
  if (asStored) return { files: stored, modules: names, rank: adapter.lora.rank };
  const arrays = await arraysOf(stored);
  const openWeights = async () =>
    needWeights(await openModel(source, families, base.format ?? 'safetensors')).read;
  const { files, rank } = await peftFiles(plan, { lora: adapter.lora, arrays }, base, openWeights);
  return { files, modules: names, rank };
}

/** As they lie in the store. @throws AppError `storage.missing`. */
export function storedFiles(adapter: AdapterRecord, blobs: BlobStore): Promise<NamedFile[]> {
  return Promise.all([ADAPTER_WEIGHTS, ADAPTER_CONFIG].map((name) => readRequired(adapter, name, blobs)));
}

async function readRequired(adapter: AdapterRecord, name: string, blobs: BlobStore): Promise<NamedFile> {
  const blob = await blobs.read(`${adapter.folder}/${name}`);
  if (blob !== null) return { name, blob };
  throw new AppError('storage.missing', `${name} of the adapter "${adapter.name}" is gone.`, {
    details: { adapterId: adapter.id, name },
    remedy: 'Make the adapter again from one of its run’s checkpoints, or import it again.',
  });
}

async function arraysOf(files: readonly NamedFile[]): Promise<Map<string, FileArray>> {
  const weights = files.find(({ name }) => name === ADAPTER_WEIGHTS)?.blob ?? new Blob();
  const arrays = new Map<string, FileArray>();
  for (const [name, entry] of (await readSafetensorsHeader(weights)).tensors) {
    arrays.set(withoutPrefix(name), await readSafetensor(weights, entry));
  }
  return arrays;
}
