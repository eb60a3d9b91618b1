// Decoding with random weights on the page's device: our plans and our tfjs session side by side, several sequences each.
// Token after token is read as a greedy chat does it: our plans choose the next one on the device, so that four bytes come
// back, and the tfjs session gives its logits. What is fed does not depend on it, so that both read the same.
import { relativeError, type EngineDevice } from '../../src/engine';
import type { PlanDevice } from '../../src/engine/planned';
import type { FileArray } from '../../src/models/file-layout';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';
import { EagerRuntime } from '../../src/models/decoder/eager/eager-runtime';
import { PlannedRuntime } from '../../src/models/decoder/planned/planned-runtime';
import { randomWeights } from '../../src/models/decoder/random-weights';
import type { DecodeSession } from '../../src/models/loaded-model';
import { ACTIVATION_BUDGET_BYTES } from '../../src/models/memory-budget';
import type { ModelRuntime } from '../../src/models/model-family';
import { WEIGHTS_SEED } from '../cases';
import { OrtDecoder } from '../peers/ort-decoder';

export type PeerName = 'ort' | 'ortCaptured';
export type DecoderName = 'planned' | 'eager' | PeerName;

/** Tokens that a sequence has before the first one that is timed. */
const PROMPT_TOKENS = 8;

/** Tokens of which a peer has to say the same as our plans before it is timed: the first ones also compile. */
const AGREED_TOKENS = 3;
const AGREED_ERROR = 1e-3;

type Sequence = Pick<DecodeSession, 'length' | 'feed' | 'feedAndChoose'> & { dispose: () => void };

interface OpenDecoder {
  runtime: Pick<ModelRuntime, 'dispose'>;
  sessions: Sequence[];
}

interface OpenModel {
  config: DecoderConfig;
  read: (name: string) => Promise<FileArray>;
  planned: ModelRuntime | null;
}

const tokenAt = (position: number, vocabSize: number): number => (position * 31 + 7) % vocabSize;

const GREEDY = {
  sampling: { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 },
  uniform: 0,
  seen: new Set<number>(),
};

function feed(session: Sequence, token: number): Promise<unknown> {
  return session.feedAndChoose?.([token], GREEDY) ?? session.feed([token]);
}

function largest(logits: Float32Array): number {
  let best = 0;
  logits.forEach((logit, token) => {
    if (logit > (logits[best] ?? -Infinity)) best = token;
  });
  return best;
}

/**
 * Both read the tokens that ours chooses, the first ones of a text.
 * @returns the largest relative error of the peer's logits. @throws Error where it would choose another token.
 */
async function agreement(ours: DecodeSession, peer: Sequence, vocabSize: number): Promise<number> {
  let [token, worst] = [tokenAt(0, vocabSize), 0];
  for (let step = 0; step < AGREED_TOKENS; step += 1) {
    const expected = await ours.feed([token]);
    const actual = await peer.feed([token]);
    worst = Math.max(worst, relativeError(actual, Float64Array.from(expected)));
    token = largest(expected);
    if (largest(actual) !== token || !(worst < AGREED_ERROR)) {
      throw new Error(`its logits differ from ours by ${worst} (relative) after token ${step + 1}`);
    }
  }
  return worst;
}

/** Decoders of one model; opening another closes them. Owns runtimes and sessions. */
class Decoders {
  readonly #device: EngineDevice;
  readonly #open = new Map<DecoderName, OpenDecoder>();
  #vocabSize = 0;
  #model: OpenModel | null = null;

  constructor(device: EngineDevice) {
    this.#device = device;
  }

  /** @param sequences of each decoder; all have read a prompt afterwards. */
  async open(config: DecoderConfig, sequences: Record<'planned' | 'eager', number>): Promise<void> {
    this.close();
    this.#vocabSize = config.vocabSize;
    const weights = randomWeights(config, WEIGHTS_SEED);
    const read = (name: string): Promise<FileArray> => Promise.resolve(weights.get(name) as FileArray);
    this.#model = { config, read, planned: null };
    for (const engine of ['planned', 'eager'] as const) {
      if (sequences[engine] === 0) continue;
      const runtime = await this.#load(engine, config, read);
      if (engine === 'planned') this.#model.planned = runtime;
      const sessions = Array.from({ length: sequences[engine] }, () => runtime.createSession(null));
      this.#open.set(engine, { runtime, sessions });
      const prompt = Array.from({ length: PROMPT_TOKENS }, (_, i) => tokenAt(i, config.vocabSize));
      for (const session of sessions) await session.feed(prompt);
    }
  }

  /**
   * A peer with the weights of the open model, which has read a few tokens afterwards.
   * @returns the largest relative error of its logits. @throws Error where it does not run, or not right.
   */
  async openPeer(name: PeerName): Promise<number> {
    if (this.#model?.planned === undefined || this.#model.planned === null) {
      throw new Error('Peers are compared with an open planned decoder.');
    }
    const { config, read, planned } = this.#model;
    const peer = await OrtDecoder.open(this.#plans().device, config, read, name === 'ortCaptured');
    const session = {
      get length() {
        return peer.length;
      },
      feed: (tokens: readonly number[]) => peer.feed(tokens),
      dispose: () => void peer.dispose(),
    };
    const ours = planned.createSession(null);
    try {
      const error = await agreement(ours, session, config.vocabSize);
      this.#open.set(name, { runtime: { dispose: () => undefined }, sessions: [session] });
      return error;
    } catch (error) {
      await peer.dispose();
      throw error;
    } finally {
      ours.dispose();
    }
  }

  /** Milliseconds of each step: one token of each of the first `sequences`. */
  async decode(engine: DecoderName, sequences: number, steps: number): Promise<number[]> {
    const sessions = this.#open.get(engine)?.sessions.slice(0, sequences) ?? [];
    if (sessions.length < sequences) throw new Error(`${engine} has ${sessions.length} sequences.`);
    const times: number[] = [];
    for (let step = 0; step < steps; step += 1) {
      const started = performance.now();
      await Promise.all(sessions.map((session) => feed(session, tokenAt(session.length, this.#vocabSize))));
      times.push(performance.now() - started);
    }
    return times;
  }

  /** Reads a token's bytes from the GPU, so many times: what a token cannot do without. */
  async readBack(times: number): Promise<void> {
    const { memory } = this.#plans();
    const bytes = 4;
    const buffer = await memory.allocate(bytes, 'what is read back');
    for (let time = 0; time < times; time += 1) {
      memory.write({ buffer, offset: 0, bytes: 4 }, Uint32Array.of(time));
      await memory.read({ buffer, offset: 0, bytes });
    }
    memory.free(buffer);
  }

  close(): void {
    for (const { runtime, sessions } of this.#open.values()) {
      for (const session of sessions) session.dispose();
      runtime.dispose();
    }
    this.#open.clear();
    this.#model = null;
  }

  #load(
    engine: 'planned' | 'eager',
    config: DecoderConfig,
    read: (name: string) => Promise<FileArray>,
  ): Promise<ModelRuntime> {
    if (engine === 'eager') return EagerRuntime.load(config, read, ACTIVATION_BUDGET_BYTES);
    return PlannedRuntime.load(this.#plans(), config, read, ACTIVATION_BUDGET_BYTES);
  }

  #plans(): PlanDevice {
    const { plans } = this.#device;
    if (plans === null) throw new Error('The planned engine runs on WebGPU only.');
    return plans;
  }
}

/** The functions that the suite calls. */
export function decoderBench(device: EngineDevice) {
  const decoders = new Decoders(device);
  return {
    openDecoders: (config: DecoderConfig, sequences: Record<'planned' | 'eager', number>): Promise<void> =>
      decoders.open(config, sequences),
    openPeer: (name: PeerName): Promise<number> => decoders.openPeer(name),
    decode: (engine: DecoderName, sequences: number, steps: number): Promise<number[]> =>
      decoders.decode(engine, sequences, steps),
    readBack: (times: number): Promise<void> => decoders.readBack(times),
    closeDecoders: () => decoders.close(),
  };
}
