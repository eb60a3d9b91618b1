// The files of a backend that a dataset is built of, in an order of their own: those that are there now, or those that were
// there before where a configuration says so.
import type { BlobStore } from '../../lib/storage/blob-store';
import type { DatasetRecord } from '../../protocol/datasets';
import type { BackendFile, DataBackend } from '../backends/data-backend';
import { takeSnapshot, type FileSnapshot } from '../metadata/file-snapshot';
import type { BuildSettings } from './build-settings';
import { readSnapshot } from './snapshot-file';

/** What of a configuration decides on the files. */
export type ListingSettings = Pick<BuildSettings, 'extensions' | 'isSample' | 'keepsListing'>;

export async function discoverFiles(
  source: DataBackend,
  settings: ListingSettings,
  before: DatasetRecord | null,
  blobs: BlobStore,
  signal?: AbortSignal,
): Promise<FileSnapshot> {
  const kept = settings.keepsListing && before !== null ? await readSnapshot(blobs, before) : null;
  return kept ?? listFiles(source, settings, signal);
}

export async function listFiles(
  source: DataBackend,
  { extensions, isSample }: Pick<BuildSettings, 'extensions' | 'isSample'>,
  signal?: AbortSignal,
): Promise<FileSnapshot> {
  const found: BackendFile[] = [];
  for await (const file of source.list({ extensions, signal })) if (isSample(file.path)) found.push(file);
  return takeSnapshot(found);
}
