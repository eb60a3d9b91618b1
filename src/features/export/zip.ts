// Packs files into a zip without holding them in memory: pieces go in, pieces come out, and full pieces become Blobs,
// which the browser may keep on disk.
import { Zip, ZipDeflate, ZipPassThrough } from 'fflate';
import { AppError } from '../../lib/errors';
import { chunksOf } from '../../lib/storage/blob-content';
import type { NamedFile } from '../../protocol/models';

/** Weights are noise to DEFLATE: they are stored as they are. */
const COMPRESSED = /\.(json|md|txt|jsonl|csv|yaml|yml)$/i;
const PIECE_BYTES = 8 << 20;
/** What a zip without its 64-bit extension can hold. */
const MAX_BYTES = 0xffff_ffff - (1 << 20);

/** @throws AppError `storage.quota` above 4 GB. Names keep their order. */
export async function zipFiles(files: NamedFile[], maxBytes = MAX_BYTES): Promise<Blob> {
  const total = files.reduce((sum, file) => sum + file.blob.size, 0);
  if (total > maxBytes) {
    throw new AppError(
      'storage.quota',
      `A zip holds 4 GB; these files have ${(total / 1e9).toFixed(1)} GB.`,
      {
        details: { neededBytes: total, maxBytes },
        remedy: 'Export an adapter instead of the whole model.',
      },
    );
  }
  const sink = new BlobSink();
  const zip = new Zip((error, chunk) => {
    if (error !== null) sink.fail(error);
    else sink.push(chunk);
  });
  for (const file of files) await addFile(zip, file, sink);
  zip.end();
  return sink.toBlob('application/zip');
}

async function addFile(zip: Zip, { name, blob }: NamedFile, sink: BlobSink): Promise<void> {
  const entry = COMPRESSED.test(name) ? new ZipDeflate(name, { level: 6 }) : new ZipPassThrough(name);
  // Zips know years from 1980 on only, and a fixed one makes the same content the same file.
  entry.mtime = new Date(Date.UTC(1980, 0, 2));
  zip.add(entry);
  for await (const chunk of chunksOf(blob)) {
    entry.push(chunk);
    sink.check();
  }
  entry.push(new Uint8Array(0), true);
}

class BlobSink {
  readonly #pieces: Blob[] = [];
  #open: Uint8Array<ArrayBuffer>[] = [];
  #openBytes = 0;
  #error: Error | null = null;

  push(chunk: Uint8Array): void {
    if (chunk.byteLength === 0) return;
    // fflate reuses its buffers: what it hands out has to be copied.
    this.#open.push(new Uint8Array(chunk));
    this.#openBytes += chunk.byteLength;
    if (this.#openBytes >= PIECE_BYTES) this.#seal();
  }

  fail(error: Error): void {
    this.#error = error;
  }

  check(): void {
    if (this.#error !== null) throw this.#error;
  }

  toBlob(type: string): Blob {
    this.check();
    this.#seal();
    return new Blob(this.#pieces, { type });
  }

  #seal(): void {
    this.#pieces.push(new Blob(this.#open));
    this.#open = [];
    this.#openBytes = 0;
  }
}
