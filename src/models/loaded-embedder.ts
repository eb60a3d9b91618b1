// A model that turns texts into vectors, ready to run. Whoever loads it disposes of it.
import type { Embeddings } from '../protocol/engine';
import type { ModelRecord } from '../protocol/models';

export interface LoadedEmbedder {
  readonly record: ModelRecord;
  /** @throws AppError `inference.empty-text` naming the text. */
  embed(texts: readonly string[]): Promise<Embeddings>;
  dispose(): void;
}
