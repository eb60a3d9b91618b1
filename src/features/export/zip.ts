// Packs files into a zip without holding them in memory, by zip.js: pieces go in, pieces come out, of any size.
import { configure, ZipWriter } from '@zip.js/zip.js/lib/zip-core-native.js';
import { blobFile, type StreamedFile } from '../../lib/formats/streamed-file';
import type { NamedFile } from '../../protocol/models';
import { BlobSink } from './blob-sink';

/** Weights are noise to DEFLATE: they are stored as they are. */
const COMPRESSED = /\.(json|md|txt|jsonl|csv|yaml|yml|jinja)$/i;
/** The format knows years from 1980 on; one day for all makes the same content the same file. */
const DAY = new Date(1980, 0, 1);

// Exports run in a worker already.
configure({ useWebWorkers: false });

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

type Zip = ZipWriter<WritableStream<Uint8Array>>;

/** Tells what it reads and gives the zip in the end. @throws what the files' streams throw. */
export async function* zipStreams(files: readonly StreamedFile[]): AsyncGenerator<FileProgress, Blob> {
  const sink = new BlobSink();
  const zip: Zip = new ZipWriter(new WritableStream<Uint8Array>({ write: (piece) => sink.push(piece) }), {
    lastModDate: DAY,
    extendedTimestamp: false,
  });
  for (const file of files) yield* addFile(zip, file);
  await zip.close();
  return sink.toBlob('application/zip');
}

/** Its size is told first: one beyond 4 GB needs fields of 64 bits from the beginning. */
async function* addFile(
  zip: Zip,
  { name, byteLength, stream }: StreamedFile,
): AsyncGenerator<FileProgress, void> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const level = COMPRESSED.test(name) ? 6 : 0;
  const adding = zip.add(name, readable, { level, uncompressedSize: byteLength });
  const input = writable.getWriter();
  try {
    for await (const chunk of stream()) {
      // It may be a view of memory that is used again for the next one.
      await input.write(chunk.slice());
      yield { file: name, bytes: chunk.byteLength };
    }
    await input.close();
    await adding;
  } finally {
    // Ended early: whoever waits for the rest hears of it, and nobody listens.
    adding.catch(() => undefined);
    await input.abort().catch(() => undefined);
  }
}
