// Streamed files as Blobs, for tests.
import type { StreamedFile } from '../../src/lib/formats/streamed-file';

export async function collectBlob(file: StreamedFile): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of file.stream()) parts.push(part.slice());
  const blob = new Blob(parts);
  if (blob.size !== file.byteLength)
    throw new Error(`${file.name} has ${blob.size} bytes, not ${file.byteLength}.`);
  return blob;
}

export async function collectBlobs(files: readonly StreamedFile[]): Promise<Map<string, Blob>> {
  const blobs = new Map<string, Blob>();
  for (const file of files) blobs.set(file.name, await collectBlob(file));
  return blobs;
}
