// Vectors of texts and pictures by models for embeddings, one call after the other. The last model used stays on the device; it
// owns that one and disposes of it when another is asked for.
import type { LoadedEmbedder, LoadedPictureEncoder } from '../models/loaded-embedder';
import type { EncodingInputs } from '../protocol/encoding';
import type { Embeddings } from '../protocol/engine';
import { Turnstile } from '../lib/async/turnstile';
import type { ModelBackend } from './model-backend';
import type { ModelCatalog } from './model-catalog';

export interface EmbeddingServiceParts {
  catalog: Pick<ModelCatalog, 'findModel'>;
  backend: Pick<ModelBackend, 'loadEmbedder' | 'loadPictureEncoder'>;
  /** A turn on the device. */
  exclusive: <T>(work: () => Promise<T>) => Promise<T>;
}

export class EmbeddingService {
  readonly #parts: EmbeddingServiceParts;
  readonly #line = new Turnstile();
  #kept: LoadedEmbedder | null = null;
  #keptPictures: LoadedPictureEncoder | null = null;

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

  /** Whatever kind the inputs are of. @throws as `embed`. */
  encode(modelId: string, inputs: EncodingInputs): Promise<Embeddings> {
    if (inputs.kind === 'texts') return this.embed(modelId, inputs.texts);
    return this.#line.pass(async () => {
      const encoder = await this.#loadPictures(modelId);
      return this.#parts.exclusive(() => encoder.encodePixels(inputs));
    });
  }

  /** Before its files are deleted. */
  forget(modelId: string): Promise<void> {
    return this.#line.pass(() => {
      if (this.#kept?.record.id === modelId || this.#keptPictures?.record.id === modelId) this.dispose();
      return Promise.resolve();
    });
  }

  dispose(): void {
    this.#kept?.dispose();
    this.#kept = null;
    this.#keptPictures?.dispose();
    this.#keptPictures = null;
  }

  async #load(modelId: string): Promise<LoadedEmbedder> {
    if (this.#kept?.record.id === modelId) return this.#kept;
    const record = await this.#parts.catalog.findModel(modelId);
    this.dispose();
    this.#kept = await this.#parts.exclusive(() => this.#parts.backend.loadEmbedder(record));
    return this.#kept;
  }

  async #loadPictures(modelId: string): Promise<LoadedPictureEncoder> {
    if (this.#keptPictures?.record.id === modelId) return this.#keptPictures;
    const record = await this.#parts.catalog.findModel(modelId);
    this.dispose();
    this.#keptPictures = await this.#parts.exclusive(() => this.#parts.backend.loadPictureEncoder(record));
    return this.#keptPictures;
  }
}
