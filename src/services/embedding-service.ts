// Vectors of texts by models for embeddings, one call after the other. The last model used stays on the device; it owns that
// one and disposes of it when another is asked for.
import type { LoadedEmbedder } from '../models/loaded-embedder';
import type { Embeddings } from '../protocol/engine';
import { Turnstile } from '../lib/async/turnstile';
import type { ModelBackend } from './model-backend';
import type { ModelCatalog } from './model-catalog';

export interface EmbeddingServiceParts {
  catalog: Pick<ModelCatalog, 'findModel'>;
  backend: Pick<ModelBackend, 'loadEmbedder'>;
  /** A turn on the device. */
  exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}

export class EmbeddingService {
  readonly #parts: EmbeddingServiceParts;
  readonly #line = new Turnstile();
  #kept: LoadedEmbedder | null = null;

  constructor(parts: EmbeddingServiceParts) {
    this.#parts = parts;
  }

  get busy(): boolean {
    return this.#line.queued > 0;
  }

  /** @throws AppError `model.unknown`, `model.unsupported`, `inference.empty-text`. */
  embed(modelId: string, texts: readonly string[]): Promise<Embeddings> {
    return this.#line.pass(async () => {
      const embedder = await this.#load(modelId);
      return this.#parts.exclusive(() => embedder.embed(texts));
    });
  }

  /** Before its files are deleted. */
  forget(modelId: string): Promise<void> {
    return this.#line.pass(() => {
      if (this.#kept?.record.id === modelId) this.dispose();
      return Promise.resolve();
    });
  }

  dispose(): void {
    this.#kept?.dispose();
    this.#kept = null;
  }

  async #load(modelId: string): Promise<LoadedEmbedder> {
    if (this.#kept?.record.id === modelId) return this.#kept;
    const record = await this.#parts.catalog.findModel(modelId);
    this.dispose();
    this.#kept = await this.#parts.exclusive(() => this.#parts.backend.loadEmbedder(record));
    return this.#kept;
  }
}
