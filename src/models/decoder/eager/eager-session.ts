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
  readFloats,
  rowLogits,
  scope,
  type CacheSlot,
  type KeyValueCache,
  type Tensor,
} from '../../../engine';
import type { DecodeSession } from '../../loaded-model';
import { checkRoom } from '../check-room';
import { traitsOf, windowOf, type DecoderConfig } from '../decoder-config';
import {
  attentionNorm,
  attentionOutputNorm,
  EMBEDDING,
  FINAL_NORM,
  inputNorm,
  mlpOutputNorm,
} from '../decoder-names';
import type { DecoderWeights } from './decoder-weights';
import { embedded, layerRopes } from './eager-graph';
import { activate, project, projectHeads, type LayerContext } from './eager-layer';
import { norm } from './eager-norm';

/** Capacity grows in these steps. */
const CAPACITY_STEP = 128;
/** A prompt is read in pieces of at most this many tokens, padded to a multiple of the other: few distinct sizes. */
const MAX_PIECE = 256;
const PIECE_STEP = 16;

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

/** What is the same for all blocks of one piece. */
interface Piece extends LayerContext {
  maskOf: (layer: number) => Tensor;
  /** Where a single token goes; null for several. */
  slot: CacheSlot | null;
}

export class EagerSession implements DecodeSession {
  readonly #config: DecoderConfig;
  readonly #weights: () => DecoderWeights;
  #caches: KeyValueCache[] = [];
  #capacity = 0;
  #length = 0;

  constructor(config: DecoderConfig, weights: () => DecoderWeights) {
    this.#config = config;
    this.#weights = weights;
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
      const weights = this.#weights();
      // What fills a piece up may lie beyond the last position that there is; nothing reads it.
      const last = this.#config.contextLength - 1;
      const positions = ids.map((_, i) => Math.min(this.#length + i, last));
      const piece = this.#piece(weights, positions);
      let x = embedded(this.#config, weights, ids, positions);
      for (let layer = 0; layer < this.#config.layers; layer += 1) x = this.#block(piece, layer, x);
      return wanted ? this.#logits(weights, x, tokens.length - 1) : null;
    });
    this.#length += tokens.length;
    return logits;
  }

  #piece(weights: DecoderWeights, positions: Int32Array): Piece {
    const config = this.#config;
    const masks = new Map<number | null, Tensor>();
    for (let layer = 0; layer < config.layers; layer += 1) {
      const window = windowOf(config, layer);
      if (masks.has(window)) continue;
      const group = config.heads / config.kvHeads;
      masks.set(window, cacheMask(this.#length, positions.length, this.#capacity, group, window));
    }
    return {
      config,
      weights,
      ropes: layerRopes(config, positions),
      maskOf: (layer) => masks.get(windowOf(config, layer)) as Tensor,
      slot: positions.length === 1 ? cacheSlot(this.#length, this.#capacity) : null,
    };
  }

  #norm(weights: DecoderWeights, name: string, x: Tensor): Tensor {
    return norm(this.#config, (other) => weights.tensor(other), name, x).y;
  }

  #logits(weights: DecoderWeights, x: Tensor, row: number): Tensor {
    const last = x.shape[0] === 1 ? x : gatherRows(x, Int32Array.of(row));
    return rowLogits(this.#norm(weights, FINAL_NORM, last), weights.head(), weights.tensor(EMBEDDING));
  }

  #block(piece: Piece, layer: number, x: Tensor): Tensor {
    return scope(() => {
      const { weights } = piece;
      const { outputNorms } = traitsOf(this.#config);
      const output = (name: string, y: Tensor): Tensor => (outputNorms ? this.#norm(weights, name, y) : y);
      const n = this.#norm(weights, inputNorm(layer), x);
      const attended = project(piece, layer, 'o', this.#attend(piece, layer, n), null);
      const h = add(x, output(attentionOutputNorm(layer), attended));
      const { activation } = activate(piece, layer, this.#norm(weights, attentionNorm(layer), h), null);
      return add(h, output(mlpOutputNorm(layer), project(piece, layer, 'down', activation, null)));
    });
  }

  #attend(piece: Piece, layer: number, n: Tensor): Tensor {
    const { q, k, v } = projectHeads(piece, layer, n, null);
    const cache = this.#caches[layer] as KeyValueCache;
    const { slot } = piece;
    const written = slot === null ? cacheWith(cache, k, v, this.#length) : cacheWithOne(cache, k, v, slot);
    this.#replace(layer, written);
    return cachedAttention(q, this.#caches[layer] as KeyValueCache, piece.maskOf(layer));
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
