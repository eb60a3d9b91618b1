// Encodings by number, for the engine worker, over datasets and the caches that their vectors lie in; and what the page asks
// about vectors. What made them last is written into the dataset's record: other vectors are told from these.
import { readEncoderIdentity } from '../core/encoder-identity';
import type { Database } from '../core/database';
import type { ValueCache } from '../data/caches/value-cache';
import { DatasetEncoding } from '../data/encoding/dataset-encoding';
import { encoderDrift } from '../data/encoding/encoder-drift';
import type { EncodingSource } from '../data/encoding/encoding-source';
import { vectorFromBytes } from '../data/caches/vector-bytes';
import { findSimilar } from '../data/encoding/find-similar';
import { keptVectors, vectorKeys, type KeptVectorsParts } from '../data/encoding/kept-vectors';
import { PictureInputSource } from '../data/encoding/picture-inputs';
import { TextInputSource } from '../data/encoding/text-inputs';
import { vectorLines } from '../data/encoding/vector-lines';
import type { ReadPixels } from '../data/images/read-pixels';
import { StoredPictures } from '../data/images/stored-pictures';
import { SampleReader } from '../data/storage/sample-reader';
import { nextEventTurn } from '../lib/async/event-turn';
import { AppError } from '../lib/errors';
import type { BlobStore } from '../lib/storage/blob-store';
import type { DatasetCache, DatasetRecord } from '../protocol/datasets';
import type {
  EmbeddingApi,
  EmbeddingState,
  EmbeddingStreams,
  EncoderIdentity,
  EncodingApi,
  EncodingCount,
  EncodingRequest,
  EncodingUnit,
  OpenedEncoding,
  SimilarRow,
  SimilarRows,
} from '../protocol/encoding';
import { findDataset, findTexts } from './data-service';
import { readPreprocessing } from './read-preprocessing';
import type { FindModel } from './text-tools';

export interface EncodingPlansParts {
  database: Database;
  blobs: BlobStore;
  findModel: FindModel;
  /** Decodes pictures: the browser's, where there is one. */
  readPixels: ReadPixels;
  /** Where the vectors of a dataset lie, and how. */
  vectorsOf: (dataset: DatasetRecord) => Promise<DatasetCache & { cache: ValueCache }>;
  now: () => number;
  beat: () => void;
}

interface OpenEncoding {
  datasetId: string;
  encoder: EncoderIdentity;
  encoding: DatasetEncoding;
}

/** Texts of one encode where no configuration says it. */
const ENCODED_AT_ONCE = 16;
const WRITTEN_AT_ONCE = 128;
const PICTURES_AT_ONCE = 8;

export class EncodingPlans implements EncodingApi, EmbeddingApi, EmbeddingStreams {
  readonly #parts: EncodingPlansParts;
  readonly #open = new Map<string, OpenEncoding>();
  #opened = 0;

  constructor(parts: EncodingPlansParts) {
    this.#parts = parts;
  }

  get encoding(): boolean {
    return this.#open.size > 0;
  }

  async openEncoding({ datasetId, modelId }: EncodingRequest): Promise<OpenedEncoding> {
    const dataset = await findDataset(this.#parts.database, datasetId);
    const kept = await this.#parts.vectorsOf(dataset);
    if (kept.readOnly) throw onlyRead(dataset);
    const { compress, writeBatchSize = WRITTEN_AT_ONCE, encodedAtOnce = ENCODED_AT_ONCE } = kept;
    const encoder = await this.#encoderOf(modelId);
    const pass = await this.#passOver(dataset, encoder);
    // Pixels take far more room than texts: a unit of them is small.
    const unitSize =
      dataset.pictures === undefined ? writeBatchSize : Math.min(writeBatchSize, PICTURES_AT_ONCE);
    const encoding = await DatasetEncoding.open({ ...pass, datasetId, compress, writeBatchSize: unitSize });
    const encodingId = `encoding-${++this.#opened}`;
    this.#open.set(encodingId, { datasetId, encoder, encoding });
    return { encodingId, ...encoding.count, missing: encoding.missing, batchSize: encodedAtOnce };
  }

  async nextToEncode(encodingId: string): Promise<EncodingUnit | null> {
    this.#parts.beat();
    return this.#find(encodingId).encoding.next();
  }

  async keepEncoded(
    encodingId: string,
    keys: readonly string[],
    vectors: readonly Float32Array[],
  ): Promise<EncodingCount> {
    return this.#find(encodingId).encoding.keep(keys, vectors);
  }

  async closeEncoding(encodingId: string): Promise<void> {
    const { datasetId, encoder, encoding } = this.#find(encodingId);
    this.#open.delete(encodingId);
    await encoding.close();
    const { dimensions } = encoding;
    if (dimensions === 0) return;
    const { store, done } = this.#parts.database.transaction('datasets', 'readwrite');
    const dataset = await store.get(datasetId);
    // It may have been deleted meanwhile.
    if (dataset !== undefined) {
      await store.put({ ...dataset, encoded: { encoder, dimensions, finishedAt: this.#parts.now() } });
    }
    await done;
  }

  async embeddingState(datasetId: string, modelId: string): Promise<EmbeddingState> {
    const dataset = await findDataset(this.#parts.database, datasetId);
    const encoder = await this.#encoderOf(modelId);
    const { encoded: made = null } = dataset;
    const pass = await this.#passOver(dataset, encoder);
    const keys: string[] = [];
    for await (const block of vectorKeys(pass)) keys.push(...block.map(({ key }) => key));
    const known = await pass.cache.known(keys);
    const done = keys.filter((key) => known.has(key));
    const [bytes] = await pass.cache.read(done.slice(0, 1));
    const dimensions =
      bytes === undefined || bytes === null ? null : (vectorFromBytes(bytes)?.length ?? null);
    const drift = encoderDrift(made?.encoder ?? null, encoder);
    return { encoder, total: keys.length, done: done.length, dimensions, made, drift };
  }

  async clearVectors(datasetId: string): Promise<void> {
    const dataset = await findDataset(this.#parts.database, datasetId);
    await (await this.#parts.vectorsOf(dataset)).cache.clear(datasetId);
    const { store, done } = this.#parts.database.transaction('datasets', 'readwrite');
    const { encoded, ...rest } = (await store.get(datasetId)) ?? {};
    if (encoded !== undefined) await store.put(rest as DatasetRecord);
    await done;
  }

  async findSimilar(
    datasetId: string,
    modelId: string,
    query: Float32Array<ArrayBuffer>,
    count: number,
  ): Promise<SimilarRows> {
    const pass = await this.#pass(datasetId, modelId);
    const { best, searched, missing } = await findSimilar(keptVectors(pass), query, count);
    const rows: SimilarRow[] = [];
    for (const { sample, score } of best) {
      const text = (await pass.source.contentOf(sample)) ?? '';
      rows.push({ index: sample, score, text });
    }
    return { rows, searched, missing };
  }

  async *exportVectors(datasetId: string, modelId: string): AsyncGenerator<string> {
    const pass = await this.#pass(datasetId, modelId);
    yield* vectorLines(keptVectors(pass), pass.source);
  }

  async #pass(datasetId: string, modelId: string): Promise<KeptVectorsParts> {
    const dataset = await findTexts(this.#parts.database, datasetId);
    return this.#passOver(dataset, await this.#encoderOf(modelId));
  }

  async #encoderOf(modelId: string): Promise<EncoderIdentity> {
    return readEncoderIdentity(await this.#parts.findModel(modelId), this.#parts.blobs);
  }

  async #passOver(dataset: DatasetRecord, { modelId, revision }: EncoderIdentity): Promise<KeptVectorsParts> {
    const { vectorsOf, beat } = this.#parts;
    const pause = async (): Promise<void> => {
      beat();
      await nextEventTurn();
    };
    const { cache, readOnly } = await vectorsOf(dataset);
    return {
      source: await this.#sourceOf(dataset, modelId),
      revision,
      cache,
      readOnly,
      pause,
    };
  }

  async #sourceOf(dataset: DatasetRecord, modelId: string): Promise<EncodingSource> {
    const { blobs, findModel, readPixels } = this.#parts;
    if (dataset.pictures !== undefined) {
      const preprocessing = await readPreprocessing(await findModel(modelId), blobs);
      const pictures = await StoredPictures.open(dataset, blobs);
      return new PictureInputSource({ pictures, preprocessing, readPixels });
    }
    return new TextInputSource(await SampleReader.open(dataset, this.#parts.blobs));
  }

  #find(encodingId: string): OpenEncoding {
    const open = this.#open.get(encodingId);
    if (open !== undefined) return open;
    throw new AppError('worker.dead', `There is no open encoding "${encodingId}".`, {
      remedy: 'Encode the dataset again: what was made is kept.',
      details: { encodingId },
    });
  }
}

function onlyRead({ id, name, pictures }: DatasetRecord): AppError {
  const path = pictures === undefined ? 'text_cache_disable' : 'vae_cache_disable';
  return new AppError('config.invalid', `The cache of "${name}" is only read: no vectors are added to it.`, {
    remedy: `Remove ${path} from its configuration.`,
    details: { datasetId: id, path },
  });
}
