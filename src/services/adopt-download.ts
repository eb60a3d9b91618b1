// From a finished download to the folder of an installed model: files that came from the hub are moved, those that were made
// of them are written. What goes wrong on the way puts every moved file back, so that the download can be tried again.
import { modelFileName } from '../core/model-file-name';
import { AppError } from '../lib/errors';
import type { BlobStore } from '../lib/storage/blob-store';
import type { HubDownload } from '../protocol/hub';
import type { NamedFile } from '../protocol/models';

/** A file of the blob store: its name is that of its path's last part. */
export interface StoredFile extends NamedFile {
  path: string;
}

const CARD = 'README.md';

/** @throws AppError `storage.missing` naming the file that is not there any more. */
export async function readDownload(download: HubDownload, blobs: BlobStore): Promise<StoredFile[]> {
  const files: StoredFile[] = [];
  for (const file of download.choice.files) {
    const path = `${download.folder}/${file.path}`;
    const blob = await blobs.read(path);
    if (blob === null || blob.size !== file.sizeBytes) {
      throw new AppError('storage.missing', `${file.path} is not all here.`, {
        details: { path, sizeBytes: file.sizeBytes },
        remedy: 'Resume the download: it fetches what is missing.',
      });
    }
    files.push({ name: modelFileName(file.path), path, blob });
  }
  return files;
}

/**
 * @param wanted what is to be installed; those that share their Blob with a stored file are that file.
 * @param finish makes it count; where it fails, nothing was done.
 */
export async function moveIntoPlace(
  stored: readonly StoredFile[],
  wanted: readonly NamedFile[],
  folder: string,
  blobs: BlobStore,
  finish: () => Promise<unknown>,
): Promise<void> {
  const moved: { from: string; to: string }[] = [];
  const card = stored.filter(({ name }) => name === CARD && !wanted.some((file) => file.name === name));
  // Small ones first: a crash on the way leaves the gigabytes where they are looked for.
  const order = [...wanted, ...card].sort((a, b) => a.blob.size - b.blob.size);
  try {
    for (const { name, blob } of order) {
      const from = stored.find((file) => file.blob === blob)?.path;
      const to = `${folder}/${name}`;
      if (from === undefined) await blobs.write(to, blob);
      else {
        await blobs.move(from, to);
        moved.push({ from, to });
      }
    }
    await finish();
  } catch (error) {
    for (const { from, to } of moved) await blobs.move(to, from).catch(() => undefined);
    await blobs.remove(folder).catch(() => undefined);
    throw error;
  }
}
