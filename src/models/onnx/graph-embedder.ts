// Sentence embeddings from an ONNX graph: texts of about the same length go in together, filled up to the longest of them. Owns
// the runner.
import type { GraphArray, GraphInteger, GraphRunner } from '../../engine/ort/graph-runner';
import { AppError } from '../../lib/errors';
import type { EmbeddingTokenizer } from '../../lib/text/embedding-tokenizer';
import type { Embeddings } from '../../protocol/engine';
import type { ModelRecord } from '../../protocol/models';
import type { LoadedEmbedder } from '../loaded-embedder';
import type { EmbeddingConfig } from './embedding-config';
import type { EmbeddingScheme } from './embedding-scheme';
import type { PlainInput } from './graph-inputs';
import { normalised, poolTokens } from './pool-tokens';

/** Of a run: more of both bring nothing, and take memory. */
const MAX_TEXTS = 16;
const MAX_TOKENS = 4096;

export interface GraphEmbedderParts {
  record: ModelRecord;
  runner: GraphRunner;
  scheme: EmbeddingScheme;
  config: EmbeddingConfig;
  /** Of a text, special tokens among them. */
  maxTokens: number;
  tokenizer: EmbeddingTokenizer;
}

interface Row {
  index: number;
  ids: number[];
}

export class GraphEmbedder implements LoadedEmbedder {
  readonly #parts: GraphEmbedderParts;

  constructor(parts: GraphEmbedderParts) {
    this.#parts = parts;
  }

  get record(): ModelRecord {
    return this.#parts.record;
  }

  async embed(texts: readonly string[]): Promise<Embeddings> {
    const { rows, truncated } = this.#encode(texts);
    const vectors = new Array<Float32Array<ArrayBuffer>>(texts.length);
    for (const batch of this.#batches(rows)) {
      const found = await this.#run(batch);
      batch.forEach(({ index }, i) => (vectors[index] = found[i] ?? new Float32Array()));
    }
    return { dimensions: vectors[0]?.length ?? 0, vectors, truncated };
  }

  dispose(): void {
    void this.#parts.runner.dispose();
  }

  #encode(texts: readonly string[]): { rows: Row[]; truncated: number[] } {
    const { tokenizer, maxTokens } = this.#parts;
    const truncated: number[] = [];
    const rows = texts.map((text, index): Row => {
      if (text.trim() === '') throw emptyText(index);
      const encoded = tokenizer.encode(text, maxTokens);
      if (encoded.ids.length === 0) throw emptyText(index);
      if (encoded.truncated) truncated.push(index);
      return { index, ids: encoded.ids };
    });
    return { rows, truncated };
  }

  /** Of like lengths, so that little is filled up. */
  *#batches(rows: readonly Row[]): Generator<Row[]> {
    const { texts } = this.#parts.scheme;
    let batch: Row[] = [];
    for (const row of rows.toSorted((a, b) => b.ids.length - a.ids.length)) {
      const longest = batch[0]?.ids.length ?? row.ids.length;
      const isFull = batch.length === (texts ?? MAX_TEXTS) || (batch.length + 1) * longest > MAX_TOKENS;
      if (isFull && batch.length > 0) {
        yield batch;
        batch = [];
      }
      batch.push(row);
    }
    if (batch.length > 0) yield batch;
  }

  async #run(batch: readonly Row[]): Promise<Float32Array<ArrayBuffer>[]> {
    const { runner, scheme, config } = this.#parts;
    const length = scheme.length ?? Math.max(...batch.map(({ ids }) => ids.length));
    // A graph for so many texts gets so many, the last ones of nothing.
    const count = scheme.texts ?? batch.length;
    const outputs = await runner.run(this.#feeds(batch, count, length), [scheme.output]);
    const output = outputs[scheme.output] as GraphArray;
    const values = await runner.floats(output);
    const size = output.shape.at(-1) ?? 0;
    runner.release(output);
    return batch.map(({ ids }, row) => {
      const each = scheme.gives === 'texts' ? size : length * size;
      const own = values.subarray(row * each, (row + 1) * each);
      const vector =
        scheme.gives === 'texts' ? Float32Array.from(own) : poolTokens(own, ids.length, size, config.pooling);
      return config.normalise ? normalised(vector) : vector;
    });
  }

  #feeds(batch: readonly Row[], count: number, length: number): Record<string, GraphArray> {
    const { runner, scheme, tokenizer } = this.#parts;
    const feeds: Record<string, GraphArray> = {};
    const feed = (input: PlainInput | null, at: (ids: readonly number[], token: number) => number): void => {
      if (input === null) return;
      const values = Array.from({ length: count * length }, (_, i) =>
        at(batch[Math.floor(i / length)]?.ids ?? [], i % length),
      );
      feeds[input.name] = runner.integers(input.type as GraphInteger, values, [count, length]);
    };
    feed(scheme.tokens, (ids, token) => ids[token] ?? tokenizer.padId);
    feed(scheme.mask, (ids, token) => (token < ids.length ? 1 : 0));
    feed(scheme.positions, (_, token) => token);
    feed(scheme.segments, () => 0);
    return feeds;
  }
}

function emptyText(index: number): AppError<'inference.empty-text'> {
  return new AppError('inference.empty-text', `Text ${index + 1} is empty: nothing can be made of it.`, {
    details: { index },
    remedy: 'Leave out empty texts.',
  });
}
