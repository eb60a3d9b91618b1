// A model that turns texts, or pictures, into vectors, ready to run. Whoever loads it disposes of it.
import type { PixelInputs } from '../protocol/encoding';
import type { Embeddings } from '../protocol/engine';
import type { ModelRecord } from '../protocol/models';

/** The same of pictures. */
export interface LoadedPictureEncoder {
  readonly record: ModelRecord;
  encodePixels(inputs: PixelInputs): Promise<Embeddings>;
  dispose(): void;
}

export interface LoadedEmbedder {
  readonly record: ModelRecord;
  /** @throws AppError `inference.empty-text` naming the text. */
  embed(texts: readonly string[]): Promise<Embeddings>;
  dispose(): void;
}
