// The files of a backend that a dataset is built of, in an order of their own: those that are there now, or those that were
// there before where a configuration says so. The same files are always the same dataset.
import type { BlobStore } from '../../lib/storage/blob-store';
import type { DatasetRecord } from '../../protocol/datasets';
import type { BackendFile, DataBackend } from '../backends/data-backend';
import { takeSnapshot, type FileSnapshot } from '../metadata/file-snapshot';
import type { BuildSettings } from './build-settings';
import { readSnapshot } from './snapshot-file';

/** What of a configuration decides on the files. */
type ListingSettings = Pick<BuildSettings, 'extensions' | 'isSample'>;

const FILES_PER_LOOK = 500;

/** What was found so far, now and then; the last one is all of it, in order. Errors as the backend's. */
export async function* discoverFiles(
  source: DataBackend,
  settings: ListingSettings & Pick<BuildSettings, 'keepsListing'>,
  before: DatasetRecord | null,
  blobs: BlobStore,
  signal?: AbortSignal,
): AsyncGenerator<FileSnapshot> {
  const kept = settings.keepsListing && before !== null ? await readSnapshot(blobs, before) : null;
  if (kept === null) yield* listFiles(source, settings, signal);
  else yield kept;
}

/** As `discoverFiles`, of those that are there now. */
export async function* listFiles(
  source: DataBackend,
  { extensions, isSample }: ListingSettings,
  signal?: AbortSignal,
): AsyncGenerator<FileSnapshot> {
  const found: BackendFile[] = [];
  for await (const file of source.list({ extensions, signal })) {
    if (isSample(file.path)) found.push(file);
    if (found.length % FILES_PER_LOOK === 1) yield found;
  }
  yield takeSnapshot(found);
}
