// One sequence decoded by an ONNX graph: what the graph gives as present goes in as past at the next run, and stays where the
// runtime has it. Going back cuts it. Owns its cache; the runner is shared.
import { AppError } from '../../lib/errors';
import type { GraphArray, GraphInteger, GraphRunner } from '../../engine/ort/graph-runner';
import { checkRoom } from '../decoder/check-room';
import type { DecodeSession } from '../loaded-model';
import type { DecoderScheme } from './decoder-scheme';
import type { PlainInput } from './graph-inputs';

/** A prompt is read in pieces of at most this many tokens: each has a row of logits where the graph gives all. */
const MAX_PIECE = 128;

export interface GraphLimits {
  contextLength: number;
  vocabSize: number;
}

export class OnnxDecodeSession implements DecodeSession {
  readonly #runner: GraphRunner;
  readonly #scheme: DecoderScheme;
  readonly #limits: GraphLimits;
  /** By the name of the input. */
  #cache = new Map<string, GraphArray>();
  /** Tokens in the cache. */
  #held = 0;
  #length = 0;
  #disposed = false;

  constructor(runner: GraphRunner, scheme: DecoderScheme, limits: GraphLimits) {
    this.#runner = runner;
    this.#scheme = scheme;
    this.#limits = limits;
  }

  get length(): number {
    return this.#length;
  }

  async feed(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    checkRoom(this.#length + tokens.length, this.#limits.contextLength);
    if (this.#disposed) throw new AppError('internal', 'The session is closed.');
    let logits = new Float32Array(this.#limits.vocabSize);
    for (let start = 0; start < tokens.length;) {
      const piece = tokens.slice(start, start + this.#pieceAfter(this.#length));
      logits = await this.#read(piece);
      start += piece.length;
    }
    return logits;
  }

  truncate(length: number): void {
    this.#length = Math.max(0, Math.min(length, this.#length));
  }

  dispose(): void {
    this.#disposed = true;
    this.#keep(new Map(), 0);
    this.#length = 0;
  }

  /** Two graphs in one: the one with a cache is written for a token at a time, the other for all that come first. */
  #pieceAfter(length: number): number {
    if (this.#scheme.useCache === null) return MAX_PIECE;
    return length === 0 ? Infinity : 1;
  }

  async #read(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const { caches, logits } = this.#scheme;
    this.#cut();
    const feeds = { ...this.#plainInputs(tokens), ...Object.fromEntries(this.#past()) };
    const outputs = await this.#runner.run(feeds, [logits, ...caches.map(({ present }) => present)]);
    const total = this.#length + tokens.length;
    const grown = new Map(caches.map(({ past, present }) => [past, outputs[present] as GraphArray]));
    if (this.#disposed) {
      for (const array of grown.values()) this.#runner.release(array);
      throw new AppError('internal', 'The session is closed.');
    }
    this.#keep(grown, total);
    this.#checkGrown(total);
    this.#length = total;
    return this.#lastRow(outputs[logits] as GraphArray);
  }

  #plainInputs(tokens: readonly number[]): Record<string, GraphArray> {
    const { tokens: ids, mask, positions, segments, logitsToKeep, useCache } = this.#scheme;
    const [past, count] = [this.#length, tokens.length];
    const feeds: Record<string, GraphArray> = {};
    const feed = (input: PlainInput | null, values: readonly number[]): void => {
      if (input === null) return;
      const shape = input.rank === 2 ? [1, values.length] : input.rank === 1 ? [values.length] : [];
      feeds[input.name] = this.#runner.integers(input.type as GraphInteger, values, shape);
    };
    feed(ids, tokens);
    feed(mask, new Array<number>(past + count).fill(1));
    feed(
      positions,
      Array.from(tokens, (_, index) => past + index),
    );
    feed(segments, new Array<number>(count).fill(0));
    feed(logitsToKeep, [1]);
    feed(useCache, [past > 0 ? 1 : 0]);
    return feeds;
  }

  #past(): Map<string, GraphArray> {
    if (this.#cache.size > 0) return this.#cache;
    const empty = this.#scheme.caches.map(({ past, type, shape }): [string, GraphArray] => [
      past,
      this.#runner.zeros(type, shape),
    ]);
    return new Map(empty);
  }

  /** The cache without what was gone back from. */
  #cut(): void {
    const length = this.#length;
    if (this.#held === length) return;
    const kept = new Map<string, GraphArray>();
    for (const { past, axis } of length === 0 ? [] : this.#scheme.caches) {
      const array = this.#cache.get(past);
      if (array !== undefined) kept.set(past, this.#runner.cut(array, axis, length));
    }
    this.#keep(kept, length);
  }

  #keep(cache: Map<string, GraphArray>, held: number): void {
    for (const array of this.#cache.values()) this.#runner.release(array);
    [this.#cache, this.#held] = [cache, held];
  }

  /** @throws AppError `model.unsupported` where the cache is not what the graph's inputs promised. */
  #checkGrown(total: number): void {
    for (const { past, present, axis } of this.#scheme.caches) {
      const steps = this.#cache.get(past)?.shape[axis];
      if (steps === total) continue;
      throw new AppError(
        'model.unsupported',
        `${present} has ${steps ?? 'no'} steps after ${total} tokens: the graph’s cache does not hold what was read.`,
        {
          details: { present, steps, total },
          remedy: 'Choose an export whose cache grows with the text.',
        },
      );
    }
  }

  #lastRow(logits: GraphArray): Promise<Float32Array<ArrayBuffer>> {
    const rows = logits.shape.slice(0, -1).reduce((count, size) => count * size, 1);
    return this.#runner.row(logits, rows - 1);
  }
}
