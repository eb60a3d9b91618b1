// The records of a dataset of pictures: written as rows beside the packed pictures, read back by number.
import type { BlobStore } from '../../lib/storage/blob-store';
import type { DatasetRecord } from '../../protocol/datasets';
import type { StoredPicture } from '../../protocol/pictures';
import { openPicture, type PicturePlace } from '../storage/picture-packs';
import { SampleReader } from '../storage/sample-reader';

/** A row of the dataset. */
export type PictureRow = Omit<StoredPicture, 'index' | 'image'> & { place: PicturePlace };

/** Under what their index lies: rows of pictures have no format to choose. */
export const PICTURE_FORMAT = { format: 'text', mapping: {} } as const;

/** Opens pictures one by one. */
export class StoredImages {
  readonly count: number;
  readonly #reader: SampleReader;
  readonly #blobs: BlobStore;
  readonly #folder: string;

  private constructor(reader: SampleReader, blobs: BlobStore, folder: string) {
    this.count = reader.count;
    this.#reader = reader;
    this.#blobs = blobs;
    this.#folder = folder;
  }

  /** @throws AppError `storage.missing`. */
  static async open(record: DatasetRecord, blobs: BlobStore): Promise<StoredImages> {
    return new StoredImages(await SampleReader.open(record, blobs), blobs, record.folder);
  }

  /** @throws AppError `dataset.bad-line` for a row that is damaged, `storage.missing`. */
  async image(index: number): Promise<Blob> {
    const { place } = (await this.#reader.row(index)) as PictureRow;
    return openPicture(this.#blobs, this.#folder, place);
  }
}

/** @throws AppError `storage.missing`, `dataset.bad-line` for a row that is damaged. */
export async function readStoredPictures(
  record: DatasetRecord,
  blobs: BlobStore,
  offset: number,
  count: number,
): Promise<StoredPicture[]> {
  const reader = await SampleReader.open(record, blobs);
  const pictures: StoredPicture[] = [];
  const end = Math.min(reader.count, offset + count);
  for (let index = Math.max(0, offset); index < end; index++) {
    // What lies there is what this module's builder wrote.
    const { place, ...row } = (await reader.row(index)) as PictureRow;
    pictures.push({ ...row, index, image: await openPicture(blobs, record.folder, place) });
  }
  return pictures;
}
