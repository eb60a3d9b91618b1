// Samples of a stored dataset by number. Keeps the index and a few chunks in memory, never the whole dataset: what is read
// here and there is read by its own bytes.
import { AppError } from '../../lib/errors';
import type { BlobStore } from '../../lib/storage/blob-store';
import type { DatasetRecord, Sample, KeptPart } from '../../protocol/datasets';
import type { SizedSource } from '../batches/survey';
import { sampleOfRow } from '../formats/row-to-sample';
import { readSteps, type SampleChoice, type StepsTaken } from '../quality/dataset-steps';
import type { Row } from '../reading/row-event';
import { chunkPath, INDEX_FIELDS, indexPath } from './dataset-files';

const CACHED_CHUNKS = 4;
/** Open files: handles, no contents. */
const OPEN_FILES = 512;
/** A sample so few behind the one read before is read in order. */
const IN_ORDER = 64;

export class SampleReader implements SizedSource {
  readonly count: number;
  readonly leftOut: SampleChoice['leftOut'];
  readonly beside: SampleChoice['beside'];
  readonly keptPart: KeptPart;
  readonly #record: DatasetRecord;
  readonly #blobs: BlobStore;
  readonly #index: Uint32Array;
  readonly #turns: StepsTaken['turns'];
  readonly #chunks = new Map<number, Promise<Uint8Array>>();
  readonly #files = new Map<number, Promise<Blob>>();
  readonly #utf8 = new TextDecoder();
  #before = -1;

  private constructor(record: DatasetRecord, blobs: BlobStore, index: Uint32Array, steps: StepsTaken) {
    this.#record = record;
    this.#blobs = blobs;
    this.#index = index;
    this.count = index.length / INDEX_FIELDS;
    this.leftOut = steps.leftOut;
    this.beside = steps.beside;
    this.#turns = steps.turns;
    this.keptPart = record.training?.keptPart ?? 'beginning';
  }

  /** @throws AppError `storage.missing` where the browser lost the files. */
  static async open(record: DatasetRecord, blobs: BlobStore): Promise<SampleReader> {
    const path = indexPath(record.folder, record.format, record.mapping);
    const blob = await blobs.read(path);
    if (blob === null) throw missingFile(record, path);
    const steps = await readSteps(record, blobs);
    return new SampleReader(record, blobs, new Uint32Array(await blob.arrayBuffer()), steps);
  }

  /**
   * @param index 0 <= index < count.
   * @throws AppError `dataset.bad-line` for a row that is damaged, `storage.missing` where the browser lost its file.
   */
  async read(index: number): Promise<Sample> {
    const row = await this.row(index);
    const outcome = sampleOfRow(row, this.#record.format, this.#record.mapping);
    if ('sample' in outcome) return shortened(outcome.sample, this.#turns.get(index));
    throw this.#damaged(index, outcome.missing);
  }

  /** As it is stored, all its columns. Errors as `read`. */
  async row(index: number): Promise<Row> {
    const row = rowOf(this.#utf8.decode(await this.#rowBytes(index)));
    if (row === null) throw this.#damaged(index, 'no-row');
    return row;
  }

  #damaged(index: number, reason: unknown): AppError {
    return new AppError('dataset.bad-line', `Sample ${index} of ${this.#record.name} cannot be read.`, {
      remedy: 'Delete the dataset and import its files again.',
      details: { datasetId: this.#record.id, index, reason },
    });
  }

  /** Of its stored row, JSON and all its columns. */
  bytesOf(index: number): number {
    return this.#index[index * INDEX_FIELDS + 2] ?? 0;
  }

  async #rowBytes(index: number): Promise<Uint8Array> {
    const at = index * INDEX_FIELDS;
    const [chunk = 0, offset = 0, length = 0] = this.#index.subarray(at, at + INDEX_FIELDS);
    const inOrder = index > this.#before && index - this.#before <= IN_ORDER;
    this.#before = index;
    if (inOrder || this.#chunks.has(chunk) || this.#fitsInMemory())
      return (await this.#chunkBytes(chunk)).subarray(offset, offset + length);
    return this.#bytes(chunk, offset, offset + length);
  }

  #fitsInMemory(): boolean {
    return (this.#index[this.#index.length - INDEX_FIELDS] ?? 0) < CACHED_CHUNKS;
  }

  #chunkBytes(chunk: number): Promise<Uint8Array> {
    return keptInOrder(this.#chunks, CACHED_CHUNKS, chunk, () => this.#bytes(chunk, 0, Infinity));
  }

  /** A file that was opened before and is read no more is opened again: it says then whether it is gone. */
  async #bytes(chunk: number, start: number, end: number): Promise<Uint8Array> {
    const piece = async (): Promise<Uint8Array> => {
      const file = await this.#file(chunk);
      return new Uint8Array(await file.slice(start, Math.min(end, file.size)).arrayBuffer());
    };
    try {
      return await piece();
    } catch (error) {
      if (error instanceof AppError) throw error;
      this.#files.delete(chunk);
      return piece();
    }
  }

  #file(chunk: number): Promise<Blob> {
    return keptInOrder(this.#files, OPEN_FILES, chunk, async () => {
      const path = chunkPath(this.#record.folder, chunk);
      const blob = await this.#blobs.read(path);
      if (blob === null) throw missingFile(this.#record, path);
      return blob;
    });
  }
}

const shortened = (sample: Sample, turns: number | undefined): Sample =>
  turns === undefined || sample.kind === 'text' ? sample : { ...sample, turns: sample.turns.slice(0, turns) };

/** What is there or is loaded now; those used least recently go. A failed load is not kept. */
function keptInOrder<T>(
  kept: Map<number, Promise<T>>,
  most: number,
  key: number,
  load: () => Promise<T>,
): Promise<T> {
  const known = kept.get(key);
  const value = known ?? load();
  // Re-inserting keeps the Map in order of use.
  kept.delete(key);
  kept.set(key, value);
  if (known === undefined) value.catch(() => kept.delete(key));
  for (const oldest of kept.keys()) {
    if (kept.size <= most) break;
    kept.delete(oldest);
  }
  return value;
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
