// How what a dataset holds becomes vectors: the engine worker pulls what has none yet from the data worker over the port that
// batches come by, encodes it and hands the vectors back, to be kept there. A pull is small, so that stopping loses little.
import type { ConfigDrift } from './drift';

/** What an encoder is given at once, all of one kind: of texts, or of pictures. */
export type EncodingInputs = TextInputs | PixelInputs;

export interface TextInputs {
  kind: 'texts';
  /** None is empty. */
  texts: string[];
}

/** Pictures as a vision encoder reads them. */
export interface PixelInputs {
  kind: 'pixels';
  shape: readonly [count: number, colours: number, height: number, width: number];
  values: Float32Array;
}

/** What an encoder is known by: vectors of two encoders are comparable where their revisions are the same. */
export interface EncoderIdentity {
  modelId: string;
  name: string;
  /** SHA-256, hex, of everything that its vectors depend on. */
  revision: string;
  /** What that is, each by a SHA-256 of its own: for telling what differs. */
  parts: Readonly<Record<string, string>>;
}

/** What made the vectors that a dataset has. */
export interface EncodedWith {
  encoder: EncoderIdentity;
  dimensions: number;
  /** Milliseconds since the epoch. */
  finishedAt: number;
}

export interface EncodingRequest {
  datasetId: string;
  /** An installed model for embeddings. */
  modelId: string;
}

/** How much of a dataset has vectors. */
export interface EncodingCount {
  /** Samples that can be encoded: those that are left out or empty are none. */
  total: number;
  /** Samples that have their vector. */
  done: number;
}

export interface OpenedEncoding extends EncodingCount {
  encodingId: string;
  /** Inputs without a vector; what stands in several samples is one. */
  missing: number;
  /** Inputs that are encoded at once. */
  batchSize: number;
}

/** Inputs, and the keys that their vectors are kept under, in the same order. */
export interface EncodingUnit {
  keys: string[];
  inputs: EncodingInputs;
}

/** What the engine worker calls over its own port. */
export interface EncodingApi {
  /**
   * @throws AppError `dataset.unknown`, `model.unknown`; `config.invalid` where its cache is only read;
   * `storage.unavailable` where nothing can be kept.
   */
  openEncoding(request: EncodingRequest): Promise<OpenedEncoding>;
  /** null: nothing is missing any more. */
  nextToEncode(encodingId: string): Promise<EncodingUnit | null>;
  /** Part of a unit or all of it. @throws AppError `storage.unavailable` where there is no room for more. */
  keepEncoded(
    encodingId: string,
    keys: readonly string[],
    vectors: readonly Float32Array[],
  ): Promise<EncodingCount>;
  /** What was kept is there to stay. */
  closeEncoding(encodingId: string): Promise<void>;
}

export interface EncodingProgress extends EncodingCount {
  datasetId: string;
  /** Length of a vector; 0 before the first. */
  dimensions: number;
  /** Of what was encoded here: longer than the encoder reads, so that only their beginning counts. */
  truncated: number;
}

export interface EncodingStreams {
  /**
   * Encodes what has no vector yet; ends when all have one. Cancelling keeps what was made: another call goes on there.
   * @throws as `openEncoding`; AppError `model.unsupported` for a model that makes no vectors.
   */
  encodeDataset(datasetId: string, modelId: string): AsyncIterable<EncodingProgress>;
}

/** A dataset seen by one encoder. */
export interface EmbeddingState extends EncodingCount {
  encoder: EncoderIdentity;
  /** Length of its vectors; null where there are none. */
  dimensions: number | null;
  /** What made the vectors of the last encoding; null where there was none. */
  made: EncodedWith | null;
  /** What differs between that and this encoder; empty where nothing does or nothing was made. */
  drift: ConfigDrift[];
}

export interface EmbeddingApi {
  /** By what is kept, not by reading it: a damaged vector counts until it is met. @throws AppError `dataset.unknown`, `model.unknown`. */
  embeddingState(datasetId: string, modelId: string): Promise<EmbeddingState>;
  /** Of a dataset, whoever made them. */
  clearVectors(datasetId: string): Promise<void>;
  /**
   * The rows nearest to a vector, by cosine, the nearest first.
   * @param query a text's vector by the same model.
   * @throws AppError `config.invalid` where it is of another length than those of the rows.
   */
  findSimilar(
    datasetId: string,
    modelId: string,
    query: Float32Array<ArrayBuffer>,
    count: number,
  ): Promise<SimilarRows>;
}

export interface SimilarRows {
  rows: SimilarRow[];
  /** Rows that were compared, and rows that have no vector. */
  searched: number;
  missing: number;
}

export interface SimilarRow {
  index: number;
  /** Cosine, -1 to 1. */
  score: number;
  text: string;
}

export interface EmbeddingStreams {
  /** The vectors of a dataset as JSON Lines, `{"row", "text", "embedding"}`, in pieces of text. */
  exportVectors(datasetId: string, modelId: string): AsyncIterable<string>;
}
