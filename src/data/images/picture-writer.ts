// A dataset of pictures while it is written: pictures into packs, a row for each beside them, into a fresh folder. The caller
// removes the folder when anything fails, and puts the record last.
import type { BlobStore } from '../../lib/storage/blob-store';
import type { PictureSummary } from '../../protocol/pictures';
import { indexPath } from '../storage/dataset-files';
import { PicturePackWriter } from '../storage/picture-packs';
import { RowWriter } from '../storage/row-writer';
import type { RenderedPicture } from './render-picture';
import { PICTURE_FORMAT, type PictureRow } from './stored-pictures';

export class PictureWriter {
  readonly #folder: string;
  readonly #packs: PicturePackWriter;
  readonly #rows: RowWriter;
  /** Of each picture, for the summary. */
  #written: { aspect: number; captioned: boolean }[] = [];

  constructor(blobs: BlobStore, folder: string) {
    this.#folder = folder;
    this.#packs = new PicturePackWriter(blobs, folder);
    this.#rows = new RowWriter(blobs, folder);
  }

  get count(): number {
    return this.#written.length;
  }

  async add(path: string, { size, plan, image }: RenderedPicture, captions: string[]): Promise<void> {
    const place = await this.#packs.add(image);
    const row: PictureRow = { path, ...size, ...plan, captions, place };
    await this.#rows.add(row, true);
    this.#written.push({ aspect: plan.aspect, captioned: captions.length > 0 });
  }

  /** Of the pictures so far only these, as numbers in ascending order. */
  choose(numbers: readonly number[]): void {
    this.#rows.choose(numbers);
    this.#written = numbers.flatMap((number) => this.#written[number] ?? []);
  }

  /** @returns bytes written, and what there is of each shape. */
  async finish(): Promise<{ sizeBytes: number; pictures: PictureSummary }> {
    const packed = await this.#packs.finish();
    const { format, mapping } = PICTURE_FORMAT;
    const rows = await this.#rows.finish(indexPath(this.#folder, format, mapping));
    return { sizeBytes: packed + rows, pictures: this.#summary() };
  }

  #summary(): PictureSummary {
    const counts = new Map<number, number>();
    for (const { aspect } of this.#written) counts.set(aspect, (counts.get(aspect) ?? 0) + 1);
    const buckets = [...counts].sort(([a], [b]) => a - b).map(([aspect, count]) => ({ aspect, count }));
    return { buckets, captioned: this.#written.filter(({ captioned }) => captioned).length };
  }
}
