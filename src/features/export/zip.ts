// Packs files into a zip without holding them in memory: pieces go in, pieces come out. Of any size: what is beyond 4 GB has
// the format's 64-bit fields.
import { blobFile, type StreamedFile } from '../../lib/formats/streamed-file';
import { ZipWriter } from '../../lib/formats/zip-writer';
import type { NamedFile } from '../../protocol/models';
import { BlobSink } from './blob-sink';

/** Weights are noise to DEFLATE: they are stored as they are. */
const COMPRESSED = /\.(json|md|txt|jsonl|csv|yaml|yml|jinja)$/i;

/** Names keep their order. */
export async function zipFiles(files: readonly NamedFile[]): Promise<Blob> {
  const packing = zipStreams(files.map(({ name, blob }) => blobFile(name, blob)));
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

/** Tells what it reads and gives the zip in the end. @throws what the files' streams throw. */
export async function* zipStreams(files: readonly StreamedFile[]): AsyncGenerator<FileProgress, Blob> {
  const sink = new BlobSink();
  const zip = new ZipWriter((bytes) => sink.push(bytes));
  for (const { name, byteLength, stream } of files) {
    zip.begin(name, { sizeBytes: byteLength, isCompressed: COMPRESSED.test(name) });
    for await (const chunk of stream()) {
      zip.push(chunk);
      yield { file: name, bytes: chunk.byteLength };
    }
    zip.close();
  }
  zip.end();
  return sink.toBlob('application/zip');
}
