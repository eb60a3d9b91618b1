// Vectors for a dataset, in the engine worker: it pulls what has none, lets an encoder make them, and hands them back. The device
// is given up between two encodes, so that answers and runs go on beside it.
import type {
  EncodingApi,
  EncodingCount,
  EncodingInputs,
  EncodingProgress,
  EncodingUnit,
  OpenedEncoding,
} from '../protocol/encoding';
import type { Embeddings } from '../protocol/engine';

/** Vectors of some inputs, in their order. */
export type Encode = (modelId: string, inputs: EncodingInputs) => Promise<Embeddings>;

export interface EncodingServiceParts {
  data: EncodingApi;
  encode: Encode;
  beat: () => void;
}

export class EncodingService {
  readonly #parts: EncodingServiceParts;
  #running = 0;

  constructor(parts: EncodingServiceParts) {
    this.#parts = parts;
  }

  get busy(): boolean {
    return this.#running > 0;
  }

  /** @throws as `EncodingStreams.encodeDataset`. What was made before an error is kept. */
  async *encodeDataset(
    datasetId: string,
    modelId: string,
    signal?: AbortSignal,
  ): AsyncGenerator<EncodingProgress> {
    const { data } = this.#parts;
    const opened = await data.openEncoding({ datasetId, modelId });
    this.#running += 1;
    try {
      yield* this.#encode(opened, { datasetId, modelId }, signal);
    } finally {
      this.#running -= 1;
      await data.closeEncoding(opened.encodingId);
    }
  }

  async *#encode(
    { encodingId, batchSize, total, done }: OpenedEncoding,
    { datasetId, modelId }: { datasetId: string; modelId: string },
    signal: AbortSignal | undefined,
  ): AsyncGenerator<EncodingProgress> {
    const { data } = this.#parts;
    let progress: EncodingProgress = { datasetId, total, done, dimensions: 0, truncated: 0 };
    yield progress;
    for (;;) {
      const unit = signal?.aborted === true ? null : await data.nextToEncode(encodingId);
      if (unit === null) return;
      for (const part of partsOf(unit, batchSize)) {
        if (signal?.aborted === true) return;
        const { dimensions, truncated, count } = await this.#make(encodingId, modelId, part);
        progress = { ...progress, ...count, dimensions, truncated: progress.truncated + truncated };
        yield progress;
      }
    }
  }

  async #make(
    encodingId: string,
    modelId: string,
    { keys, inputs }: EncodingUnit,
  ): Promise<{ dimensions: number; truncated: number; count: EncodingCount }> {
    const { data, encode, beat } = this.#parts;
    const { dimensions, vectors, truncated } = await encode(modelId, inputs);
    beat();
    const count = await data.keepEncoded(encodingId, keys, vectors);
    return { dimensions, truncated: truncated.length, count };
  }
}

/** What is encoded at once. */
function* partsOf({ keys, inputs }: EncodingUnit, batchSize: number): Generator<EncodingUnit> {
  for (let start = 0; start < keys.length; start += batchSize) {
    const end = start + batchSize;
    yield { keys: keys.slice(start, end), inputs: partOf(inputs, start, end) };
  }
}

function partOf(inputs: EncodingInputs, start: number, end: number): EncodingInputs {
  if (inputs.kind === 'texts') return { ...inputs, texts: inputs.texts.slice(start, end) };
  const [count, colours, height, width] = inputs.shape;
  const each = colours * height * width;
  const last = Math.min(count, end);
  const values = inputs.values.subarray(start * each, last * each);
  return { ...inputs, shape: [last - start, colours, height, width], values };
}
