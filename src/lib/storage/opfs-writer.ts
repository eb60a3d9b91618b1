// Fills one OPFS file: by a synchronous handle where the realm has one (workers; about twice as fast, and all that
// older Safari offers), else by a writable stream.
import { chunksOf, type BlobContent } from './blob-content';

export type FileWriter = (file: FileSystemFileHandle, content: BlobContent) => Promise<void>;

export const streamToFile: FileWriter = async (file, content) => {
  if ('createSyncAccessHandle' in file) await writeInWorker(file, content);
  else await writeOnPage(file, content);
};

async function writeInWorker(file: FileSystemFileHandle, content: BlobContent): Promise<void> {
  const handle = await file.createSyncAccessHandle();
  try {
    let position = 0;
    for await (const chunk of chunksOf(content)) {
      position += writeWhole(handle, chunk, position);
    }
    handle.truncate(position);
    handle.flush();
  } finally {
    handle.close();
  }
}

/**
 * A full disk shows as a short write before it shows as an error; in Chromium's private windows as a count of four thousand
 * million, which is an error's number without its sign.
 */
export function writeWhole(
  handle: Pick<FileSystemSyncAccessHandle, 'write'>,
  chunk: Uint8Array,
  at: number,
): number {
  const written = handle.write(chunk, { at });
  if (written !== chunk.byteLength) {
    throw new DOMException(
      `${written} bytes were taken in place of ${chunk.byteLength}.`,
      'QuotaExceededError',
    );
  }
  return written;
}

async function writeOnPage(file: FileSystemFileHandle, content: BlobContent): Promise<void> {
  const writable = await file.createWritable();
  try {
    for await (const chunk of chunksOf(content)) {
      await writable.write(chunk as Uint8Array<ArrayBuffer>);
    }
    await writable.close();
  } catch (error) {
    await writable.abort().catch(() => undefined);
    throw error;
  }
}
