// The files of a model by name, wherever they lie: chosen by a user, or installed. It reads nothing by itself.
import { readModelFile } from '../../core/model-files';
import { AppError } from '../../lib/errors';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { ModelRecord, NamedFile } from '../../protocol/models';

export interface ModelSource {
  /** null where there is no such file. */
  find(name: string): Promise<Blob | null>;
  /** @throws AppError naming the file that is missing. */
  need(name: string): Promise<Blob>;
}

export function sourceOfFiles(files: readonly NamedFile[]): ModelSource {
  const find = (name: string) => Promise.resolve(files.find((file) => file.name === name)?.blob ?? null);
  return {
    find,
    async need(name) {
      const blob = await find(name);
      if (blob !== null) return blob;
      throw new AppError('model.unsupported', `There is no ${name} among the files.`, {
        details: { files: files.map((file) => file.name) },
        remedy: `Choose ${name} together with the other files of the model.`,
      });
    },
  };
}

export function sourceOfRecord(record: ModelRecord, blobs: BlobStore): ModelSource {
  const find = (name: string) => readModelFile(record, name, blobs);
  return {
    find,
    async need(name) {
      const blob = await find(name);
      if (blob !== null) return blob;
      throw new AppError('storage.missing', `${name} of ${record.name} is not stored any more.`, {
        details: { modelId: record.id, name },
        remedy: 'Delete the entry and import it again.',
      });
    },
  };
}

/** @throws AppError `model.unsupported` where the text is no JSON. */
export async function readJson(name: string, blob: Blob): Promise<unknown> {
  try {
    return JSON.parse(await blob.text());
  } catch (cause) {
    throw new AppError('model.unsupported', `${name} is not JSON.`, {
      remedy: 'Download the file again from where it came.',
      cause,
    });
  }
}
