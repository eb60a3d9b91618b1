// The tokenizer and chat template of a model, kept for the models used last. Weights are never read.
import { sha256 } from 'hash-wasm';
import { readTokenizerFiles } from '../core/model-files';
import { ExampleEncoder } from '../data/examples/example-encoder';
import type { BlobStore } from '../lib/storage/blob-store';
import { createChatTemplate } from '../lib/text/chat-template';
import { createTokenizer } from '../lib/text/hf-tokenizer';
import { createPlainTemplate } from '../lib/text/plain-template';
import type { ModelRecord } from '../protocol/models';

/** @throws AppError `model.unknown` where there is no such model. */
export type FindModel = (id: string) => Promise<ModelRecord>;

const KEPT = 2;

export class TextTools {
  readonly #findModel: FindModel;
  readonly #blobs: BlobStore;
  readonly #encoders = new Map<string, Promise<ExampleEncoder>>();

  constructor(findModel: FindModel, blobs: BlobStore) {
    this.#findModel = findModel;
    this.#blobs = blobs;
  }

  async encoderFor(modelId: string): Promise<ExampleEncoder> {
    const model = await this.#findModel(modelId);
    const key = `${model.id} ${model.fingerprint}`;
    const encoder = this.#encoders.get(key) ?? this.#load(model);
    this.#encoders.delete(key);
    this.#encoders.set(key, encoder);
    encoder.catch(() => this.#encoders.delete(key));
    for (const oldest of this.#encoders.keys()) {
      if (this.#encoders.size <= KEPT) break;
      this.#encoders.delete(oldest);
    }
    return encoder;
  }

  async #load(model: ModelRecord): Promise<ExampleEncoder> {
    const files = await readTokenizerFiles(model, this.#blobs);
    const tokenizer = createTokenizer(files);
    const template = createChatTemplate(files.tokenizerConfigJson) ?? createPlainTemplate(tokenizer);
    const source = await sha256(JSON.stringify([files.tokenizerJson, files.tokenizerConfigJson]));
    return new ExampleEncoder(tokenizer, template, source);
  }
}
