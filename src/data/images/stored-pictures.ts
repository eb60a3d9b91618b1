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

export class StoredPictures {
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
  static async open(record: DatasetRecord, blobs: BlobStore): Promise<StoredPictures> {
    return new StoredPictures(await SampleReader.open(record, blobs), blobs, record.folder);
  }

  /** @throws AppError `dataset.bad-line` for a row that is damaged, `storage.missing`. */
  async picture(index: number): Promise<StoredPicture> {
    // What lies there is what the builder of pictures wrote.
    const { place, ...row } = (await this.#reader.row(index)) as PictureRow;
    return { ...row, index, image: await openPicture(this.#blobs, this.#folder, place) };
  }

  /** Those of them that there are. Errors as `picture`. */
  async page(offset: number, count: number): Promise<StoredPicture[]> {
    const pictures: StoredPicture[] = [];
    const end = Math.min(this.count, offset + count);
    for (let index = Math.max(0, offset); index < end; index++) pictures.push(await this.picture(index));
    return pictures;
  }
}
