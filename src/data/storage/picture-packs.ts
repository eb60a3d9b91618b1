// The pictures of a dataset, many in one file: a folder of a hundred thousand small files is slow everywhere. Beside the rows of
// the dataset, which say where each picture lies. At most one pack is in memory.
import { AppError } from '../../lib/errors';
import type { BlobStore } from '../../lib/storage/blob-store';

export const PACK_BYTES = 16 << 20;

export interface PicturePlace {
  pack: number;
  offset: number;
  bytes: number;
  /** Media type. */
  type: string;
}

const packPath = (folder: string, pack: number): string =>
  `${folder}/pictures-${String(pack).padStart(5, '0')}.bin`;

export class PicturePackWriter {
  readonly #blobs: BlobStore;
  readonly #folder: string;
  readonly #packBytes: number;
  #parts: Blob[] = [];
  #pendingBytes = 0;
  #pack = 0;
  #writtenBytes = 0;

  constructor(blobs: BlobStore, folder: string, packBytes = PACK_BYTES) {
    this.#blobs = blobs;
    this.#folder = folder;
    this.#packBytes = packBytes;
  }

  async add(image: Blob): Promise<PicturePlace> {
    const place = { pack: this.#pack, offset: this.#pendingBytes, bytes: image.size, type: image.type };
    this.#parts.push(image);
    this.#pendingBytes += image.size;
    if (this.#pendingBytes >= this.#packBytes) await this.#flush();
    return place;
  }

  /** @returns bytes written. */
  async finish(): Promise<number> {
    await this.#flush();
    return this.#writtenBytes;
  }

  async #flush(): Promise<void> {
    if (this.#parts.length === 0) return;
    await this.#blobs.write(packPath(this.#folder, this.#pack), new Blob(this.#parts));
    this.#writtenBytes += this.#pendingBytes;
    this.#pack += 1;
    this.#parts = [];
    this.#pendingBytes = 0;
  }
}

/** The picture as a part of its file: nothing is read yet. @throws AppError `storage.missing`. */
export async function openPicture(
  blobs: BlobStore,
  folder: string,
  { pack, offset, bytes, type }: PicturePlace,
): Promise<Blob> {
  const path = packPath(folder, pack);
  const file = await blobs.read(path);
  if (file !== null) return file.slice(offset, offset + bytes, type);
  throw new AppError('storage.missing', `The pictures of a dataset are gone (${path}).`, {
    remedy: 'The browser removed them: read its source again.',
    details: { path },
  });
}
