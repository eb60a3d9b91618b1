// Which files a dataset was built of, beside its rows: what is listed later is compared with it.
import type { BlobStore } from '../../lib/storage/blob-store';
import type { DatasetRecord } from '../../protocol/datasets';
import type { FileSnapshot } from '../metadata/file-snapshot';

const snapshotPath = ({ folder }: DatasetRecord): string => `${folder}/files.json`;

export async function writeSnapshot(
  blobs: BlobStore,
  dataset: DatasetRecord,
  files: FileSnapshot,
): Promise<void> {
  await blobs.write(snapshotPath(dataset), new Blob([JSON.stringify(files)]));
}

/** null where the browser lost it. */
export async function readSnapshot(blobs: BlobStore, dataset: DatasetRecord): Promise<FileSnapshot | null> {
  const blob = await blobs.read(snapshotPath(dataset));
  return blob === null ? null : (JSON.parse(await blob.text()) as FileSnapshot);
}
