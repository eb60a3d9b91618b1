// The token loop: feeds a session, chooses tokens, stops for the first of its reasons. No text and no caching here.
// Between two pieces of work other calls of the realm are answered and the cancel signal is looked at.
import { hashSeed, uniformAt } from '../lib/random';
import type { DecodeSession } from '../models/loaded-model';
import { chooseToken, type SamplingParameters } from './sampling';

/** Prompt tokens per piece: a long prompt must not hold up a cancel. */
const PREFILL_CHUNK = 64;

export interface DecodeOptions {
  session: DecodeSession;
  /** Tokens that the session holds already; grows with what is fed. */
  fed: number[];
  /** The whole prompt; `fed` is its beginning. */
  prompt: readonly number[];
  sampling: SamplingParameters;
  seed: number;
  maxTokens: number;
  contextLength: number;
  stopTokenIds: readonly number[];
  cancelled: () => boolean;
  /** A turn on the device, which other sequences may share and a training step may not. */
  turn: <T>(work: () => Promise<T>) => Promise<T>;
  giveWay: () => Promise<void>;
}

export type DecodeEnd = 'stop' | 'length' | 'cancelled';

/** Yields the chosen ids, returns why it ended. An id that ends the answer is not yielded. */
export async function* decodeTokens(options: DecodeOptions): AsyncGenerator<number, DecodeEnd> {
  const { prompt, sampling, seed, maxTokens, contextLength, stopTokenIds } = options;
  const tokens = [...prompt];
  const drawSeed = hashSeed(seed, 'sampling');
  let pending: readonly number[] = prompt.slice(options.fed.length);
  for (let count = 0; count < maxTokens; count += 1) {
    const logits = await feed(options, pending);
    if (logits === null) return 'cancelled';
    const id = chooseToken(logits, tokens, sampling, uniformAt(drawSeed, count));
    if (stopTokenIds.includes(id)) return 'stop';
    yield id;
    tokens.push(id);
    pending = [id];
    if (tokens.length >= contextLength) return 'length';
  }
  return 'length';
}

/** Logits after the last token, or null when it was cancelled on the way. */
async function feed(
  options: DecodeOptions,
  tokens: readonly number[],
): Promise<Float32Array<ArrayBuffer> | null> {
  let logits: Float32Array<ArrayBuffer> | null = null;
  for (let start = 0; start < tokens.length; start += PREFILL_CHUNK) {
    await options.giveWay();
    if (options.cancelled()) return null;
    const chunk = tokens.slice(start, start + PREFILL_CHUNK);
    logits = await options.turn(() => options.session.feed(chunk));
    options.fed.push(...chunk);
  }
  return options.cancelled() ? null : logits;
}
