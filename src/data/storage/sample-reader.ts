// Samples of a stored dataset by number. Keeps the index and a few chunks in memory, never the whole dataset.
import { AppError } from '../../lib/errors';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { DatasetRecord, Sample } from '../../protocol/datasets';
import type { SampleSource } from '../batches/survey';
import { sampleOfRow } from '../formats/row-to-sample';
import { readSteps, type SampleChoice } from '../quality/dataset-steps';
import type { Row } from '../reading/row-event';
import { chunkPath, INDEX_FIELDS, indexPath } from './dataset-files';

const CACHED_CHUNKS = 4;

export class SampleReader implements SampleSource {
  readonly count: number;
  readonly leftOut: SampleChoice['leftOut'];
  readonly beside: SampleChoice['beside'];
  readonly #record: DatasetRecord;
  readonly #blobs: BlobStore;
  readonly #index: Uint32Array;
  readonly #chunks = new Map<number, Promise<Uint8Array>>();
  readonly #utf8 = new TextDecoder();

  private constructor(record: DatasetRecord, blobs: BlobStore, index: Uint32Array, choice: SampleChoice) {
    this.#record = record;
    this.#blobs = blobs;
    this.#index = index;
    this.count = index.length / INDEX_FIELDS;
    this.leftOut = choice.leftOut;
    this.beside = choice.beside;
  }

  /** @throws AppError `storage.missing` where the browser lost the files. */
  static async open(record: DatasetRecord, blobs: BlobStore): Promise<SampleReader> {
    const path = indexPath(record.folder, record.format, record.mapping);
    const blob = await blobs.read(path);
    if (blob === null) throw missingFile(record, path);
    const choice = await readSteps(record, blobs);
    return new SampleReader(record, blobs, new Uint32Array(await blob.arrayBuffer()), choice);
  }

  /**
   * @param index 0 <= index < count.
   * @throws AppError `dataset.bad-line` for a row that is damaged, `storage.missing` where the browser lost its file.
   */
  async read(index: number): Promise<Sample> {
    const [chunk = 0, offset = 0, length = 0] = this.#index.subarray(
      index * INDEX_FIELDS,
      (index + 1) * INDEX_FIELDS,
    );
    const bytes = await this.#chunkBytes(chunk);
    const row = rowOf(this.#utf8.decode(bytes.subarray(offset, offset + length)));
    if (row === null) throw this.#damaged(index, 'no-row');
    const outcome = sampleOfRow(row, this.#record.format, this.#record.mapping);
    if ('sample' in outcome) return outcome.sample;
    throw this.#damaged(index, outcome.missing);
  }

  #damaged(index: number, reason: unknown): AppError {
    return new AppError('dataset.bad-line', `Sample ${index} of ${this.#record.name} cannot be read.`, {
      remedy: 'Delete the dataset and import its files again.',
      details: { datasetId: this.#record.id, index, reason },
    });
  }

  #chunkBytes(chunk: number): Promise<Uint8Array> {
    const cached = this.#chunks.get(chunk);
    const bytes = cached ?? this.#load(chunk);
    // Re-inserting keeps the Map in order of use; a failed load is not kept.
    this.#chunks.delete(chunk);
    this.#chunks.set(chunk, bytes);
    if (cached === undefined) bytes.catch(() => this.#chunks.delete(chunk));
    for (const oldest of this.#chunks.keys()) {
      if (this.#chunks.size <= CACHED_CHUNKS) break;
      this.#chunks.delete(oldest);
    }
    return bytes;
  }

  async #load(chunk: number): Promise<Uint8Array> {
    const path = chunkPath(this.#record.folder, chunk);
    const blob = await this.#blobs.read(path);
    if (blob === null) throw missingFile(this.#record, path);
    return new Uint8Array(await blob.arrayBuffer());
  }
}

function rowOf(line: string): Row | null {
  try {
    return JSON.parse(line) as Row;
  } catch {
    return null;
  }
}

/** Every row of a dataset, samples or not, with where it lies. */
export async function* readStoredRows(
  folder: string,
  blobs: BlobStore,
): AsyncGenerator<{ row: Row; chunk: number; offset: number; length: number }> {
  const utf8 = new TextDecoder();
  for (let chunk = 0; ; chunk++) {
    const blob = await blobs.read(chunkPath(folder, chunk));
    if (blob === null) return;
    const bytes = new Uint8Array(await blob.arrayBuffer());
    for (let offset = 0; offset < bytes.length;) {
      const end = bytes.indexOf(10, offset) + 1;
      const row = JSON.parse(utf8.decode(bytes.subarray(offset, end))) as Row;
      yield { row, chunk, offset, length: end - offset };
      offset = end;
    }
  }
}

function missingFile(record: DatasetRecord, path: string): AppError {
  return new AppError('storage.missing', `The files of the dataset "${record.name}" are gone (${path}).`, {
    remedy: 'The browser removed them: delete the dataset and import its files again.',
    details: { datasetId: record.id, path },
  });
}
