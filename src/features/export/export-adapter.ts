// An adapter as a zip in PEFT's layout: `PeftModel.from_pretrained(base, folder)` reads it as it is.
import { AppError } from '../../lib/errors';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { AdapterRecord, ModelFamily, ModelRecord, NamedFile } from '../../protocol/models';
import { fileNameOf } from './file-name';
import { zipFiles } from './zip';

const REQUIRED = ['adapter_model.safetensors', 'adapter_config.json'];

/**
 * @param base null where it is not installed any more.
 * @throws AppError `storage.missing` where one of the adapter's files is gone, `model.unsupported` as `checkPeft`.
 */
export async function exportAdapter(
  adapter: AdapterRecord,
  base: ModelRecord | null,
  blobs: BlobStore,
): Promise<NamedFile> {
  const blob = await zipFiles(await adapterFiles(adapter, base, blobs));
  return { name: `${fileNameOf(adapter.name, 'adapter')}.zip`, blob };
}

/** Several projections are one module of these in Hugging Face's code; PEFT has no place for an adapter of each. */
const FUSED_FAMILIES: readonly ModelFamily[] = ['phi3', 'gpt2'];

/** @throws AppError `model.unsupported` for an adapter that PEFT could not put on its base. */
export function checkPeft(adapter: AdapterRecord, base: ModelRecord | null): void {
  if (base === null || !FUSED_FAMILIES.includes(base.family)) return;
  throw new AppError(
    'model.unsupported',
    `Projections that ${base.family} keeps as one matrix cannot have adapters of their own in PEFT's layout.`,
    { details: { adapterId: adapter.id }, remedy: 'Export the model with the adapter merged into it.' },
  );
}

/** The files themselves, with a card. @throws AppError `storage.missing`, `model.unsupported`. */
export async function adapterFiles(
  adapter: AdapterRecord,
  base: ModelRecord | null,
  blobs: BlobStore,
): Promise<NamedFile[]> {
  checkPeft(adapter, base);
  const files = await Promise.all(REQUIRED.map((name) => readRequired(adapter, name, blobs)));
  return [
    ...files,
    { name: 'README.md', blob: new Blob([adapterCard(adapter, base)], { type: 'text/markdown' }) },
  ];
}

async function readRequired(adapter: AdapterRecord, name: string, blobs: BlobStore): Promise<NamedFile> {
  const blob = await blobs.read(`${adapter.folder}/${name}`);
  if (blob !== null) return { name, blob };
  throw new AppError('storage.missing', `${name} of the adapter "${adapter.name}" is gone.`, {
    details: { adapterId: adapter.id, name },
    remedy: 'Make the adapter again from one of its run’s checkpoints, or import it again.',
  });
}

/** The model card that PEFT and the Hugging Face hub expect beside an adapter. */
export function adapterCard(adapter: AdapterRecord, base: ModelRecord | null): string {
  const { rank, alpha, dropout, targets, useRslora = false, useDora = false } = adapter.lora;
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
    `| Projections | ${targets.map((target) => `${target}_proj`).join(', ')} |`,
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
