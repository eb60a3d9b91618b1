// An installed model as a zip of the files that Hugging Face libraries read.
import { readModelFile } from '../../core/model-files';
import { AppError } from '../../lib/errors';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { ModelRecord, NamedFile } from '../../protocol/models';
import { fileNameOf } from './file-name';
import { zipFiles } from './zip';

const REQUIRED = ['model.safetensors', 'config.json', 'tokenizer.json'];
const OPTIONAL = ['tokenizer_config.json', 'special_tokens_map.json', 'generation_config.json', 'README.md'];

/** @throws AppError `storage.missing` where a file without which the model cannot be read is gone. */
export async function exportModel(model: ModelRecord, blobs: BlobStore): Promise<NamedFile> {
  const files: NamedFile[] = [];
  for (const name of [...REQUIRED, ...OPTIONAL]) {
    const blob = await readModelFile(model, name, blobs);
    if (blob !== null) files.push({ name, blob });
    else if (REQUIRED.includes(name)) throw missing(model, name);
  }
  return { name: `${fileNameOf(model.name, 'model')}.zip`, blob: await zipFiles(files) };
}

function missing(model: ModelRecord, name: string): AppError {
  return new AppError('storage.missing', `${name} of the model "${model.name}" is gone.`, {
    details: { modelId: model.id, name },
    remedy: 'Import the model again.',
  });
}
