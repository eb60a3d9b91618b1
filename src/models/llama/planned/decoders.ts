// The decoders of a model, one for each set of weights that sessions are open on, and the pages of all of them. A decoder
// goes with its last session, so that weights can be disposed once nobody decodes with them.
import { PagePool, type BufferRange, type PlanDevice, type Value } from '../../../engine/planned';
import type { DecodeSession } from '../../loaded-model';
import type { LlamaConfig } from '../llama-config';
import { PlannedDecoder } from './planned-decoder';
import { PlannedSession } from './planned-session';
import type { DecoderParameters } from './record-decoder';

interface DecoderWeights {
  weights: DecoderParameters;
  rangeOf: (value: Value) => BufferRange | null;
}

export class Decoders {
  readonly #owner: PlanDevice;
  readonly #config: LlamaConfig;
  readonly #pool: PagePool;
  readonly #open = new Map<object, { decoder: PlannedDecoder; sessions: number }>();

  constructor(owner: PlanDevice, config: LlamaConfig) {
    this.#owner = owner;
    this.#config = config;
    this.#pool = new PagePool(owner.memory, config);
  }

  /** @param key the same for the same weights. */
  session(key: object, weights: () => DecoderWeights): DecodeSession {
    const entry = this.#open.get(key) ?? { decoder: this.#decoder(weights()), sessions: 0 };
    this.#open.set(key, entry);
    entry.sessions += 1;
    return new PlannedSession(this.#config.contextLength, this.#pool, entry.decoder, () => {
      entry.sessions -= 1;
      if (entry.sessions > 0) return;
      entry.decoder.dispose();
      this.#open.delete(key);
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
