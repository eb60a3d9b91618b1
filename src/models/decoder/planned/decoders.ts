// The decoders of a model, one for each set of weights that sessions are open on, and the pages of all of them. Single
// tokens of the base and of all adapters that fit the stack are read by one of them together. A decoder goes with its last
// session, so that weights can be disposed once nobody decodes with them.
import { PagePool, type BufferRange, type PlanDevice, type Value } from '../../../engine/planned';
import type { DecodeSession } from '../../loaded-model';
import type { DecoderConfig } from '../decoder-config';
import { AdapterStack, canStack, type StackedAdapter } from './adapter-stack';
import { PlannedDecoder } from './planned-decoder';
import { PlannedSession } from './planned-session';
import { SharedBlocks } from './shared-blocks';
import type { DecoderParameters } from './record-decoder';

export interface DecoderWeights {
  weights: DecoderParameters;
  rangeOf: (value: Value) => BufferRange | null;
}

interface OpenDecoder {
  decoder: PlannedDecoder;
  blocks: SharedBlocks;
  sessions: number;
}

export class Decoders {
  readonly #owner: PlanDevice;
  readonly #config: DecoderConfig;
  readonly #pool: PagePool;
  readonly #stack: AdapterStack;
  readonly #base: () => DecoderWeights;
  readonly #open = new Map<object, OpenDecoder>();

  /** @param base the weights without an adapter. */
  constructor(owner: PlanDevice, config: DecoderConfig, base: () => DecoderWeights) {
    this.#owner = owner;
    this.#config = config;
    this.#base = base;
    this.#pool = new PagePool(owner.memory, config);
    this.#stack = new AdapterStack(owner, config);
  }

  /** Pages in use. */
  get usedPages(): number {
    return this.#pool.usedPages;
  }

  baseSession(): DecodeSession {
    const own = this.#enter(this, this.#base);
    return this.#session(own, own, null, own.blocks, () => this.#leave(this));
  }

  /** @param weights base and adapter, for pieces; its single tokens go with those of other adapters. */
  adapterSession(adapter: StackedAdapter, weights: () => DecoderWeights): DecodeSession {
    if (!canStack(adapter.lora)) return this.#alone(adapter, weights, true);
    const [shared, own] = [this.#enter(this, this.#base), this.#enter(adapter, weights)];
    let isOpen = false;
    const slot = async (): Promise<number> => {
      const index = await this.#stack.open(adapter);
      isOpen = true;
      return index;
    };
    return this.#session(own, shared, slot, own.blocks, () => {
      if (isOpen) this.#stack.close(adapter);
      this.#leave(adapter);
      this.#leave(this);
    });
  }

  /** Of weights that change while they are trained: nothing that was read with them is shared. @param key theirs. */
  trainingSession(key: object, weights: () => DecoderWeights): DecodeSession {
    return this.#alone(key, weights, false);
  }

  dispose(): void {
    for (const { decoder } of this.#open.values()) decoder.dispose();
    this.#open.clear();
    this.#stack.dispose();
    this.#pool.dispose();
  }

  #alone(key: object, weights: () => DecoderWeights, shares: boolean): DecodeSession {
    const own = this.#enter(key, weights);
    return this.#session(own, own, null, shares ? own.blocks : null, () => this.#leave(key));
  }

  #session(
    { decoder }: OpenDecoder,
    shared: OpenDecoder,
    slot: (() => Promise<number>) | null,
    blocks: SharedBlocks | null,
    onDispose: () => void,
  ): DecodeSession {
    return new PlannedSession({
      ...{ contextLength: this.#config.contextLength, pool: this.#pool, decoder, slot, blocks, onDispose },
      shared: shared.decoder,
    });
  }

  #enter(key: object, weights: () => DecoderWeights): OpenDecoder {
    const entry = this.#open.get(key) ?? {
      decoder: this.#decoder(weights(), key === this),
      blocks: new SharedBlocks(this.#pool),
      sessions: 0,
    };
    this.#open.set(key, entry);
    entry.sessions += 1;
    return entry;
  }

  #leave(key: object): void {
    const entry = this.#open.get(key);
    if (entry === undefined) return;
    entry.sessions -= 1;
    if (entry.sessions > 0) return;
    entry.decoder.dispose();
    this.#open.delete(key);
  }

  #decoder({ weights, rangeOf }: DecoderWeights, isBase: boolean): PlannedDecoder {
    return new PlannedDecoder({
      ...{ owner: this.#owner, config: this.#config, pool: this.#pool, weights, rangeOf },
      stack: isBase ? this.#stack : null,
    });
  }
}
