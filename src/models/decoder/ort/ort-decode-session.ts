// One sequence decoded in onnxruntime: keys and values are written in place in memory that grows with the text, and logits
// come after the last token only. A token is one call, with the same arrays each time. Owns its cache and its arrays.
import type { OrtArray, OrtCall, OrtEngine } from '../../../engine/ort/ort-engine';
import { AppError } from '../../../lib/errors';
import type { DecodeSession } from '../../loaded-model';
import { checkRoom } from '../check-room';
import type { DecoderConfig } from '../decoder-config';
import { freeAll, type OrtArrays, type OrtWeights } from './ort-weights';

/** Positions of the first cache; each further one has twice as many. */
const FIRST_CAPACITY = 256;
/** A prompt is read in pieces of at most this many tokens. */
const MAX_PIECE = 128;

export interface SessionWeights {
  weights: OrtWeights;
  /** Arrays of an adapter, in the place of the base's. */
  changed: OrtArrays;
}

/** Arrays of the calls that are not weights. */
interface Place {
  token: OrtArray;
  lastIndex: OrtArray;
  total: OrtArray;
  logits: OrtArray;
}

const cacheNames = ({ layers }: DecoderConfig): string[] =>
  Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();

export class OrtDecodeSession implements DecodeSession {
  readonly #engine: OrtEngine;
  readonly #config: DecoderConfig;
  readonly #weights: () => Promise<SessionWeights>;
  #place: Place | null = null;
  #cache: ReadonlyMap<string, OrtArray> = new Map();
  #call: OrtCall | null = null;
  #capacity = 0;
  #length = 0;
  #disposed = false;

  /** @param weights loads them when the first token is read. */
  constructor(engine: OrtEngine, config: DecoderConfig, weights: () => Promise<SessionWeights>) {
    this.#engine = engine;
    this.#config = config;
    this.#weights = weights;
  }

  get length(): number {
    return this.#length;
  }

  async feed(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const { contextLength, vocabSize } = this.#config;
    checkRoom(this.#length + tokens.length, contextLength);
    const { place, call } = await this.#ready(this.#length + tokens.length);
    if (tokens.length === 0) return new Float32Array(vocabSize);
    for (let start = 0; start < tokens.length; start += MAX_PIECE) {
      await this.#read(place, call, tokens.slice(start, start + MAX_PIECE));
    }
    return new Float32Array(this.#engine.floats(place.logits));
  }

  truncate(length: number): void {
    this.#length = Math.max(0, Math.min(length, this.#length));
  }

  dispose(): void {
    this.#disposed = true;
    this.#call?.dispose();
    freeAll(this.#engine, this.#cache);
    for (const array of Object.values(this.#place ?? {}) as OrtArray[]) this.#engine.free(array);
    [this.#call, this.#place, this.#cache, this.#capacity, this.#length] = [null, null, new Map(), 0, 0];
  }

  async #read(place: Place, call: OrtCall, tokens: readonly number[]): Promise<void> {
    const engine = this.#engine;
    const total = this.#length + tokens.length;
    engine.integers(place.lastIndex)[0] = total - 1;
    engine.integers(place.total)[0] = total;
    if (tokens.length === 1) {
      engine.integers(place.token)[0] = tokens[0] ?? 0;
      await call.run();
    } else {
      const ids = engine.allocate('int32', [1, tokens.length]);
      engine.integers(ids).set(tokens);
      call.replaceInput('input_ids', ids);
      try {
        await call.run();
      } finally {
        call.replaceInput('input_ids', place.token);
        engine.free(ids);
      }
    }
    this.#length = total;
  }

  async #ready(length: number): Promise<{ place: Place; call: OrtCall }> {
    const weights = await this.#weights();
    if (this.#disposed) throw new AppError('internal', 'The session is closed.');
    this.#place ??= this.#makePlace();
    if (this.#call === null || length > this.#capacity) {
      this.#grow(length);
      this.#call?.dispose();
      this.#call = this.#bind(weights, this.#place);
    }
    return { place: this.#place, call: this.#call };
  }

  #makePlace(): Place {
    const engine = this.#engine;
    return {
      token: engine.allocate('int32', [1, 1]),
      lastIndex: engine.allocate('int32', [1]),
      total: engine.allocate('int32', [1]),
      logits: engine.allocate('float', [1, this.#config.vocabSize]),
    };
  }

  #bind({ weights, changed }: SessionWeights, { token, lastIndex, total, logits }: Place): OrtCall {
    const named = (prefix: string): [string, OrtArray][] =>
      [...this.#cache].map(([name, array]) => [`${prefix}.${name}`, array]);
    const inputs = new Map<string, OrtArray>([
      ['input_ids', token],
      ['seqlens_k', lastIndex],
      ['total_sequence_length', total],
      ...named('past_key_values'),
      ...weights.base,
      ...changed,
    ]);
    // Past and present are the same memory: what is new is written beside what is there.
    return weights.graph.bind(inputs, new Map([['logits', logits], ...named('present')]));
  }

  /** Memory for at least `length` positions, with what was read so far. */
  #grow(length: number): void {
    const { kvHeads, headSize, contextLength } = this.#config;
    let capacity = Math.max(FIRST_CAPACITY, this.#capacity);
    while (capacity < length) capacity *= 2;
    capacity = Math.max(length, Math.min(capacity, contextLength));
    const shape = [1, kvHeads, capacity, headSize];
    const grown = new Map<string, OrtArray>();
    try {
      for (const name of cacheNames(this.#config)) {
        const array = this.#engine.allocate('float', shape);
        grown.set(name, array);
        this.#copyInto(array, this.#cache.get(name), capacity);
      }
    } catch (error) {
      freeAll(this.#engine, grown);
      throw error;
    }
    freeAll(this.#engine, this.#cache);
    [this.#cache, this.#capacity] = [grown, capacity];
  }

  /** Heads lie one after the other, each with room for all its positions. */
  #copyInto(target: OrtArray, source: OrtArray | undefined, capacity: number): void {
    if (source === undefined) return;
    const { kvHeads, headSize } = this.#config;
    const [to, from] = [this.#engine.floats(target), this.#engine.floats(source)];
    for (let head = 0; head < kvHeads; head += 1) {
      const start = head * this.#capacity * headSize;
      to.set(from.subarray(start, start + this.#length * headSize), head * capacity * headSize);
    }
  }
}
