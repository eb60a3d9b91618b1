// One sequence being decoded: keys and values of what was read, and the next logits. Weights are asked for at each feed,
// so a session on a training always uses what the training holds. Owns its caches.
import {
  add,
  cachedAttention,
  cacheMask,
  cacheSlot,
  cacheWith,
  cacheWithOne,
  dispose,
  emptyCache,
  gatherRows,
  grownCache,
  keep,
  linear,
  readFloats,
  reshape,
  rmsNorm,
  rope,
  ropeTables,
  rowLogits,
  scope,
  swiglu,
  type CacheSlot,
  type KeyValueCache,
  type RopeTables,
  type Tensor,
} from '../../../engine';
import type { LoraTarget } from '../../../protocol/models';
import type { DecodeSession } from '../../loaded-model';
import { checkRoom } from '../check-room';
import type { DecoderWeights } from './decoder-weights';
import { inverseFrequencies, type DecoderConfig } from '../decoder-config';
import { attentionNorm, EMBEDDING, FINAL_NORM, inputNorm, projectionPath } from '../decoder-names';

/** Capacity grows in these steps. */
const CAPACITY_STEP = 128;
/** A prompt is read in pieces of at most this many tokens, padded to a multiple of the other: few distinct sizes. */
const MAX_PIECE = 256;
const PIECE_STEP = 16;

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

/** What is the same for all blocks of one piece. */
interface Piece {
  weights: DecoderWeights;
  tokens: number;
  rope: RopeTables;
  mask: Tensor;
  /** Where a single token goes; null for several. */
  slot: CacheSlot | null;
}

export class EagerSession implements DecodeSession {
  readonly #config: DecoderConfig;
  readonly #weights: () => DecoderWeights;
  readonly #frequencies: Float64Array;
  #caches: KeyValueCache[] = [];
  #capacity = 0;
  #length = 0;

  constructor(config: DecoderConfig, weights: () => DecoderWeights) {
    this.#config = config;
    this.#weights = weights;
    this.#frequencies = inverseFrequencies(config);
  }

  get length(): number {
    return this.#length;
  }

  async feed(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    checkRoom(this.#length + tokens.length, this.#config.contextLength);
    let logits: Float32Array<ArrayBuffer> = new Float32Array(this.#config.vocabSize);
    for (let start = 0; start < tokens.length; start += MAX_PIECE) {
      const piece = tokens.slice(start, start + MAX_PIECE);
      const wanted = start + MAX_PIECE >= tokens.length;
      const last = this.#feedPiece(piece, wanted);
      if (last === null) continue;
      logits = await readFloats(last);
      dispose(last);
    }
    return logits;
  }

  truncate(length: number): void {
    this.#length = Math.max(0, Math.min(length, this.#length));
  }

  dispose(): void {
    dispose(this.#caches);
    this.#caches = [];
    this.#capacity = 0;
    this.#length = 0;
  }

  /** @returns logits after the piece's last token where `wanted`; the caller disposes them. */
  #feedPiece(tokens: readonly number[], wanted: boolean): Tensor | null {
    const padded = tokens.length === 1 ? 1 : roundUp(tokens.length, PIECE_STEP);
    this.#reserve(this.#length + padded);
    const ids = Int32Array.from({ length: padded }, (_, i) => tokens[i] ?? 0);
    const logits = scope(() => {
      const { heads, kvHeads, slidingWindow } = this.#config;
      const weights = this.#weights();
      const positions = ids.map((_, i) => this.#length + i);
      const piece: Piece = {
        weights,
        tokens: padded,
        rope: ropeTables(positions, this.#frequencies),
        mask: cacheMask(this.#length, padded, this.#capacity, heads / kvHeads, slidingWindow),
        slot: padded === 1 ? cacheSlot(this.#length, this.#capacity) : null,
      };
      let x = gatherRows(weights.tensor(EMBEDDING), ids);
      for (let layer = 0; layer < this.#config.layers; layer += 1) x = this.#block(piece, layer, x);
      return wanted ? this.#logits(weights, x, tokens.length - 1) : null;
    });
    this.#length += tokens.length;
    return logits;
  }

  #logits(weights: DecoderWeights, x: Tensor, row: number): Tensor {
    const last = x.shape[0] === 1 ? x : gatherRows(x, Int32Array.of(row));
    const { y } = rmsNorm(last, weights.tensor(FINAL_NORM), this.#config.rmsNormEpsilon);
    return rowLogits(y, weights.head(), weights.tensor(EMBEDDING));
  }

  #block(piece: Piece, layer: number, x: Tensor): Tensor {
    return scope(() => {
      const { weights } = piece;
      const { rmsNormEpsilon } = this.#config;
      const project = (target: LoraTarget, input: Tensor): Tensor =>
        linear(input, weights.linear(projectionPath(layer, target)), null);
      const n = rmsNorm(x, weights.tensor(inputNorm(layer)), rmsNormEpsilon).y;
      const h = add(x, project('o', this.#attend(piece, layer, n, project)));
      const m = rmsNorm(h, weights.tensor(attentionNorm(layer)), rmsNormEpsilon).y;
      const { activation } = swiglu(project('gate', m), project('up', m));
      return add(h, project('down', activation));
    });
  }

  #attend(
    { tokens, rope: tables, mask, slot }: Piece,
    layer: number,
    n: Tensor,
    project: (target: LoraTarget, input: Tensor) => Tensor,
  ): Tensor {
    const { heads, kvHeads, headSize } = this.#config;
    const q = rope(reshape(project('q', n), [tokens, heads, headSize]), tables);
    const k = rope(reshape(project('k', n), [tokens, kvHeads, headSize]), tables);
    const v = reshape(project('v', n), [tokens, kvHeads, headSize]);
    const cache = this.#caches[layer] as KeyValueCache;
    const written = slot === null ? cacheWith(cache, k, v, this.#length) : cacheWithOne(cache, k, v, slot);
    this.#replace(layer, written);
    return cachedAttention(q, this.#caches[layer] as KeyValueCache, mask);
  }

  #replace(layer: number, { keys, values }: KeyValueCache): void {
    dispose(this.#caches[layer]);
    this.#caches[layer] = { keys: keep(keys), values: keep(values) };
  }

  #reserve(length: number): void {
    if (length <= this.#capacity) return;
    const { layers, kvHeads, headSize } = this.#config;
    const before = this.#capacity;
    this.#capacity = roundUp(length, CAPACITY_STEP);
    for (let layer = 0; layer < layers; layer += 1) {
      const old = this.#caches[layer];
      const grown =
        old === undefined || before === 0
          ? emptyCache(kvHeads, headSize, this.#capacity)
          : grownCache(old, this.#capacity);
      this.#replace(layer, grown);
    }
  }
}
