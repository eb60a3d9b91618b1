// The decoders of a model, one for each set of weights that sessions are open on, and the pages of all of them. A decoder
// goes with its last session, so that weights can be disposed once nobody decodes with them.
import { PagePool, type BufferRange, type PlanDevice, type Value } from '../../../engine/planned';
import type { DecodeSession } from '../../loaded-model';
import type { LlamaConfig } from '../llama-config';
import { PlannedDecoder } from './planned-decoder';
import { PlannedSession } from './planned-session';
import { SharedBlocks } from './shared-blocks';
import type { DecoderParameters } from './record-decoder';

interface DecoderWeights {
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
  readonly #config: LlamaConfig;
  readonly #pool: PagePool;
  readonly #open = new Map<object, OpenDecoder>();

  constructor(owner: PlanDevice, config: LlamaConfig) {
    this.#owner = owner;
    this.#config = config;
    this.#pool = new PagePool(owner.memory, config);
  }

  /** Pages in use. */
  get usedPages(): number {
    return this.#pool.usedPages;
  }

  /**
   * @param key the same for the same weights.
   * @param change whether the weights may change under the session: it then shares nothing with others.
   */
  session(key: object, weights: () => DecoderWeights, change = false): DecodeSession {
    const entry = this.#open.get(key) ?? {
      decoder: this.#decoder(weights()),
      blocks: new SharedBlocks(this.#pool),
      sessions: 0,
    };
    this.#open.set(key, entry);
    entry.sessions += 1;
    return new PlannedSession({
      contextLength: this.#config.contextLength,
      pool: this.#pool,
      decoder: entry.decoder,
      blocks: change ? null : entry.blocks,
      onDispose: () => {
        entry.sessions -= 1;
        if (entry.sessions > 0) return;
        entry.decoder.dispose();
        this.#open.delete(key);
      },
    });
  }

  dispose(): void {
    for (const { decoder } of this.#open.values()) decoder.dispose();
    this.#open.clear();
    this.#pool.dispose();
  }

  #decoder({ weights, rangeOf }: DecoderWeights): PlannedDecoder {
    return new PlannedDecoder({
      owner: this.#owner,
      config: this.#config,
      pool: this.#pool,
      weights,
      rangeOf,
    });
  }
}
