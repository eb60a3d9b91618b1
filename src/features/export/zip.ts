// Packs files into a zip without holding them in memory: pieces go in, pieces come out.
import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';
import { AppError } from '../../lib/errors';
import { blobFile, type StreamedFile } from '../../lib/formats/streamed-file';
import type { NamedFile } from '../../protocol/models';
import { BlobSink } from './blob-sink';

/** Weights are noise to DEFLATE: they are stored as they are. */
const COMPRESSED = /\.(json|md|txt|jsonl|csv|yaml|yml|jinja)$/i;
/** What a zip without its 64-bit extension can hold. */
export const MAX_ZIP_BYTES = 0xffff_ffff - (1 << 20);

/** @throws AppError `storage.quota` above 4 GB. Names keep their order. */
export async function zipFiles(files: NamedFile[], maxBytes = MAX_ZIP_BYTES): Promise<Blob> {
  const packing = zipStreams(
    files.map(({ name, blob }) => blobFile(name, blob)),
    maxBytes,
  );
  for (;;) {
    const step = await packing.next();
    if (step.done === true) return step.value;
  }
}

/** How much of which file has been read since the last time. */
export interface FileProgress {
  file: string;
  bytes: number;
}

/**
 * Tells what it reads and gives the zip in the end.
 * @throws AppError `storage.quota` above 4 GB, and what the files' streams throw.
 */
export async function* zipStreams(
  files: readonly StreamedFile[],
  maxBytes = MAX_ZIP_BYTES,
): AsyncGenerator<FileProgress, Blob> {
  checkSize(files, maxBytes);
  const sink = new BlobSink();
  const failure: { error: Error | null } = { error: null };
  const zip = new Zip((error, chunk) => {
    if (error !== null) failure.error = error;
    else sink.push(chunk);
  });
  for (const file of files) {
    for await (const bytes of addFile(zip, file)) {
      if (failure.error !== null) throw failure.error;
      yield { file: file.name, bytes };
    }
  }
  zip.end();
  if (failure.error !== null) throw failure.error;
  return sink.toBlob('application/zip');
}

function checkSize(files: readonly StreamedFile[], maxBytes: number): void {
  const total = files.reduce((sum, file) => sum + file.byteLength, 0);
  if (total <= maxBytes) return;
  throw new AppError('storage.quota', `A zip holds 4 GB; these files have ${(total / 1e9).toFixed(1)} GB.`, {
    details: { neededBytes: total, maxBytes },
    remedy: 'Choose a smaller format, one that is a single file, or the adapter alone.',
  });
}

async function* addFile(zip: Zip, { name, stream }: StreamedFile): AsyncGenerator<number, void> {
  const entry = COMPRESSED.test(name) ? new ZipDeflate(name, { level: 6 }) : new ZipPassThrough(name);
  // Zips know years from 1980 on only, and a fixed one makes the same content the same file.
  entry.mtime = new Date(Date.UTC(1980, 0, 2));
  zip.add(entry);
  for await (const chunk of stream()) {
    entry.push(chunk);
    yield chunk.byteLength;
  }
  entry.push(new Uint8Array(0), true);
}
