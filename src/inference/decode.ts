// The token loop: feeds a session, chooses tokens, stops for the first of its reasons. No text and no caching here.
// Between two pieces of work other calls of the realm are answered and the cancel signal is looked at.
import { hashSeed, uniformAt } from '../lib/random';
import type { DecodeSession, TokenChoice } from '../models/loaded-model';
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
  const seen = new Set(prompt);
  const drawSeed = hashSeed(seed, 'sampling');
  let [length, pending]: [number, readonly number[]] = [prompt.length, prompt.slice(options.fed.length)];
  for (let count = 0; count < maxTokens; count += 1) {
    const id = await nextToken(options, pending, { sampling, uniform: uniformAt(drawSeed, count), seen });
    if (id === null) return 'cancelled';
    if (stopTokenIds.includes(id)) return 'stop';
    yield id;
    seen.add(id);
    length += 1;
    pending = [id];
    if (length >= contextLength) return 'length';
  }
  return 'length';
}

/** The token after these, or null when it was cancelled on the way. */
async function nextToken(
  options: DecodeOptions,
  tokens: readonly number[],
  choice: TokenChoice,
): Promise<number | null> {
  const { session, fed, turn, cancelled, giveWay } = options;
  let id: number | null = null;
  for (let start = 0; start < tokens.length; start += PREFILL_CHUNK) {
    await giveWay();
    if (cancelled()) return null;
    const chunk = tokens.slice(start, start + PREFILL_CHUNK);
    const isLast = start + PREFILL_CHUNK >= tokens.length;
    if (isLast) id = await turn(() => feedAndChoose(session, chunk, choice));
    else await turn(() => session.feed(chunk));
    fed.push(...chunk);
  }
  return cancelled() ? null : id;
}

/** Where the logits are, if the session can; here otherwise. */
async function feedAndChoose(
  session: DecodeSession,
  tokens: readonly number[],
  choice: TokenChoice,
): Promise<number> {
  if (session.feedAndChoose !== undefined) return session.feedAndChoose(tokens, choice);
  return chooseToken(await session.feed(tokens), choice.seen, choice.sampling, choice.uniform);
}
