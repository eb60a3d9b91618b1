// Picks how partial files are kept beside a blob store: in place where this realm may (a worker on OPFS), else in pieces.
import type { BlobStore } from './blob-store';
import { OpfsBlobStore } from './opfs-blob-store';
import { OpfsPartialFiles } from './opfs-partial-files';
import type { PartialFiles } from './partial-files';
import { PiecePartialFiles } from './piece-partial-files';

export function openPartialFiles(store: BlobStore): PartialFiles {
  const inPlace =
    'FileSystemFileHandle' in globalThis && 'createSyncAccessHandle' in FileSystemFileHandle.prototype;
  return store instanceof OpfsBlobStore && inPlace
    ? new OpfsPartialFiles(store)
    : new PiecePartialFiles(store);
}
