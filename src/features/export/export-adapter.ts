// An adapter as a zip in PEFT's layout: `PeftModel.from_pretrained(base, folder)` reads it as it is.
import type { BlobStore } from '../../lib/storage/blob-store';
import type { PeftExport } from '../../models/export';
import type { AdapterRecord, ModelRecord, NamedFile } from '../../protocol/models';
import { fileNameOf } from './file-name';
import { zipFiles } from './zip';

/**
 * @param base null where it is not installed any more; its modules are taken for the decoder's projections then.
 * @throws AppError `storage.missing` where one of the adapter's files is gone, or of the base's that say how it is laid out.
 */
export async function exportAdapter(
  adapter: AdapterRecord,
  base: ModelRecord | null,
  blobs: BlobStore,
): Promise<NamedFile> {
  const blob = await zipFiles((await peftWithCard(adapter, base, blobs)).files);
  return { name: `${fileNameOf(adapter.name, 'adapter')}.zip`, blob };
}

/** The files with a card. Code that knows models is loaded here. @throws AppError as `exportAdapter`. */
export async function peftWithCard(
  adapter: AdapterRecord,
  base: ModelRecord | null,
  blobs: BlobStore,
): Promise<PeftExport> {
  const peft = await openPeft(adapter, base, blobs);
  const card = new Blob([adapterCard(adapter, base, peft.modules)], { type: 'text/markdown' });
  return { ...peft, files: [...peft.files, { name: 'README.md', blob: card }] };
}

async function openPeft(
  adapter: AdapterRecord,
  base: ModelRecord | null,
  blobs: BlobStore,
): Promise<PeftExport> {
  const [{ peftAdapter, storedFiles }, { createModelFamilies }] = await Promise.all([
    import('../../models/export'),
    import('../../models/families'),
  ]);
  if (base !== null) return peftAdapter({ blobs, families: createModelFamilies() }, adapter, base);
  const { targets, rank } = adapter.lora;
  return {
    files: await storedFiles(adapter, blobs),
    modules: targets.map((target) => `${target}_proj`),
    rank,
  };
}

/** The model card that PEFT and the Hugging Face hub expect beside an adapter. */
export function adapterCard(
  adapter: AdapterRecord,
  base: ModelRecord | null,
  modules: readonly string[],
): string {
  const { rank, alpha, dropout, useRslora = false, useDora = false } = adapter.lora;
  const variants = [...(useRslora ? ['rsLoRA'] : []), ...(useDora ? ['DoRA'] : [])];
  const license = base?.license ?? null;
  const baseName = base?.name ?? adapter.baseModelId;
  return [
    '---',
    'library_name: peft',
    `base_model: ${JSON.stringify(baseName)}`,
    ...(license === null ? [] : [`license: ${JSON.stringify(license)}`]),
    'tags: [lora]',
    '---',
    '',
    `# ${adapter.name}`,
    '',
    `A LoRA adapter for ${baseName}, trained with Fragua in a browser.`,
    '',
    '| | |',
    '|---|---|',
    `| Rank, alpha, dropout | ${rank}, ${alpha}, ${dropout} |`,
    ...(variants.length === 0 ? [] : [`| Variant | ${variants.join(', ')} |`]),
    `| Projections | ${modules.join(', ')} |`,
    `| SHA-256 of the base's weights | \`${adapter.baseFingerprint}\` |`,
    '',
    '```python',
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM',
    '',
    'base = AutoModelForCausalLM.from_pretrained("path/to/base")',
    'model = PeftModel.from_pretrained(base, "path/to/this/folder")',
    '```',
    '',
  ].join('\n');
}
