// Streamed files into the one file that the user gets: a single one as it is, several as a zip. Tells how far it is, often
// enough to be seen and seldom enough to cost nothing.
import type { StreamedFile } from '../../lib/formats/streamed-file';
import type { ExportEvent } from '../../protocol/features';
import { BlobSink } from './blob-sink';
import { zipStreams, type FileProgress } from './zip';

/** Reports of one export, at most about so many. */
const REPORTS = 200;

/** @param zipName of the zip where there are several files. */
export async function* packFiles(
  files: readonly StreamedFile[],
  zipName: string,
): AsyncGenerator<ExportEvent, void> {
  const totalBytes = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const [first] = files;
  const single = files.length === 1 && first !== undefined ? first : null;
  const packing = single === null ? zipStreams(files) : collect(single);
  let bytes = 0;
  let reported = -Infinity;
  for (;;) {
    const step = await packing.next();
    if (step.done === true) {
      yield { type: 'outcome', file: { name: single?.name ?? zipName, blob: step.value } };
      return;
    }
    bytes += step.value.bytes;
    if (bytes - reported < totalBytes / REPORTS && bytes < totalBytes) continue;
    reported = bytes;
    yield { type: 'progress', file: step.value.file, bytes, totalBytes };
  }
}

async function* collect(file: StreamedFile): AsyncGenerator<FileProgress, Blob> {
  const sink = new BlobSink();
  for await (const chunk of file.stream()) {
    sink.push(chunk);
    yield { file: file.name, bytes: chunk.byteLength };
  }
  return sink.toBlob('application/octet-stream');
}
