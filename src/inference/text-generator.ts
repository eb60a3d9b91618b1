// One request, a stream of events: prompt, cache, decoding, text. Sessions belong to the pool, models to the caller.
import type { Tokenizer } from '../lib/text/tokenizer';
import type { DecodeSession, LoadedAdapter, LoadedModel } from '../models/loaded-model';
import type {
  FinishReason,
  GenerationEvent,
  GenerationRequest,
  GenerationStats,
} from '../protocol/inference';
import { decodeTokens, type DecodeEnd } from './decode';
import { encodePrompt } from './prompt';
import { isDeterministic, responseKey, type CachedResponse, type ResponseCache } from './response-cache';
import type { KeptSession, SessionPool } from './session-pool';
import { StopStringFilter } from './stop-strings';

export interface GeneratorParts {
  sessions: SessionPool;
  cache: ResponseCache;
  /** Milliseconds, monotonic. */
  now: () => number;
  /** Draws the seed of a request that names none. */
  drawSeed: () => number;
  /** A turn on the device, which other sequences may share and a training step may not. */
  turn: <T>(work: () => Promise<T>) => Promise<T>;
  giveWay: () => Promise<void>;
}

export interface GenerationTarget {
  model: LoadedModel;
  adapter: LoadedAdapter | null;
  /** Opens a session on weights that change: it serves one answer, and neither it nor the answer is kept. */
  openSession?: () => DecodeSession;
}

/** A session with the tokens it has seen, for one answer. */
interface Lent extends Pick<KeptSession, 'session' | 'tokens'> {
  giveBack: (failed: boolean) => void;
}

interface Answer {
  text: string;
  reason: FinishReason;
  stats: GenerationStats;
}

export class TextGenerator {
  readonly #parts: GeneratorParts;

  constructor(parts: GeneratorParts) {
    this.#parts = parts;
  }

  /**
   * Ends with a `finish` event, also when cancelled.
   * @throws AppError `inference.too-long` before the first event.
   */
  async *generate(
    target: GenerationTarget,
    request: GenerationRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent> {
    const { model, adapter, openSession } = target;
    const prompt = encodePrompt(model, request.input);
    const startedAt = this.#parts.now();
    const seed = request.sampling.seed ?? this.#parts.drawSeed();
    yield { type: 'start', promptTokens: prompt.length, contextLength: model.contextLength };
    const isKept = openSession === undefined && isDeterministic(request);
    const key = isKept
      ? await responseKey({
          fingerprint: model.record.fingerprint,
          adapterId: adapter?.record.id ?? null,
          storage: model.storage,
          promptIds: prompt,
          sampling: request.sampling,
          maxTokens: request.maxTokens,
          stop: request.stop,
        })
      : null;
    const cached = key === null ? null : await this.#parts.cache.get(key);
    if (cached !== null) {
      yield* replay(cached, prompt.length, seed, this.#parts.now() - startedAt);
      return;
    }
    const answer = yield* this.#write(target, request, prompt, seed, startedAt, signal);
    if (key !== null && answer.reason !== 'cancelled') {
      const { text, reason, stats } = answer;
      await this.#parts.cache.put(key, { text, reason, completionTokens: stats.completionTokens });
    }
    yield { type: 'finish', reason: answer.reason, stats: answer.stats };
  }

  async *#write(
    target: GenerationTarget,
    request: GenerationRequest,
    prompt: readonly number[],
    seed: number,
    startedAt: number,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, Answer> {
    const { model } = target;
    const { now } = this.#parts;
    const lent = this.#lend(target, prompt);
    const cachedTokens = lent.tokens.length;
    const writer = new AnswerWriter(model.tokenizer, request.stop);
    const timing = new Timing(startedAt);
    let end: FinishReason = 'length';
    let failed = false;
    try {
      const tokens = this.#decode(model, lent, request, prompt, seed, signal);
      for (let next = await tokens.next(); ; next = await tokens.next()) {
        if (next.done === true) {
          end = next.value;
          break;
        }
        timing.token(now());
        const text = writer.push(next.value);
        if (text !== '') yield { type: 'text', text };
        if (writer.stopped) {
          end = 'stop';
          break;
        }
      }
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      // A reader that leaves in the middle comes by here too, with the session whole; a failed feed leaves it in doubt.
      lent.giveBack(failed);
    }
    const rest = writer.finish();
    if (rest !== '') yield { type: 'text', text: rest };
    const stats = {
      ...timing.stats(),
      promptTokens: prompt.length,
      cachedTokens,
      seed,
      fromResponseCache: false,
    };
    return { text: writer.text, reason: end, stats };
  }

  #lend({ model, adapter, openSession }: GenerationTarget, prompt: readonly number[]): Lent {
    if (openSession !== undefined) {
      const session = openSession();
      return { session, tokens: [], giveBack: () => session.dispose() };
    }
    const { sessions } = this.#parts;
    const kept = sessions.borrow(model, adapter, prompt);
    const giveBack = (failed: boolean): void => (failed ? sessions.discard(kept) : sessions.release(kept));
    return { session: kept.session, tokens: kept.tokens, giveBack };
  }

  #decode(
    model: LoadedModel,
    lent: Lent,
    { sampling, maxTokens }: GenerationRequest,
    prompt: readonly number[],
    seed: number,
    signal: AbortSignal,
  ): AsyncGenerator<number, DecodeEnd> {
    return decodeTokens({
      session: lent.session,
      fed: lent.tokens,
      prompt,
      sampling,
      seed,
      maxTokens,
      contextLength: model.contextLength,
      stopTokenIds: model.stopTokenIds,
      cancelled: () => signal.aborted,
      turn: this.#parts.turn,
      giveWay: this.#parts.giveWay,
    });
  }
}

/** Ids in, text out, up to the first stop string. */
class AnswerWriter {
  readonly #stream: ReturnType<Tokenizer['createDecodeStream']>;
  readonly #filter: StopStringFilter;
  text = '';
  stopped = false;

  constructor(tokenizer: Tokenizer, stop: readonly string[]) {
    this.#stream = tokenizer.createDecodeStream();
    this.#filter = new StopStringFilter(stop);
  }

  push(id: number): string {
    return this.#check(this.#stream.push(id));
  }

  finish(): string {
    if (this.stopped) return '';
    const last = this.#check(this.#stream.flush());
    const held = this.stopped ? '' : this.#filter.flush();
    this.text += held;
    return last + held;
  }

  #check(piece: string): string {
    const { text, stopped } = this.#filter.push(piece);
    this.text += text;
    this.stopped = stopped;
    return text;
  }
}

class Timing {
  readonly #startedAt: number;
  #firstAt: number | null = null;
  #lastAt = 0;
  #tokens = 0;

  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  token(now: number): void {
    this.#firstAt ??= now;
    this.#lastAt = now;
    this.#tokens += 1;
  }

  /** The rate leaves the prompt out: it counts from the first token. */
  stats(): Pick<GenerationStats, 'completionTokens' | 'firstTokenMs' | 'tokensPerSecond'> {
    const firstAt = this.#firstAt ?? this.#startedAt;
    const seconds = (this.#lastAt - firstAt) / 1000;
    return {
      completionTokens: this.#tokens,
      firstTokenMs: firstAt - this.#startedAt,
      tokensPerSecond: seconds > 0 ? (this.#tokens - 1) / seconds : 0,
    };
  }
}

function* replay(
  cached: CachedResponse,
  promptTokens: number,
  seed: number,
  milliseconds: number,
): Generator<GenerationEvent> {
  if (cached.text !== '') yield { type: 'text', text: cached.text };
  const { completionTokens, reason } = cached;
  const stats: GenerationStats = {
    promptTokens,
    completionTokens,
    cachedTokens: promptTokens,
    firstTokenMs: milliseconds,
    tokensPerSecond: 0,
    seed,
    fromResponseCache: true,
  };
  yield { type: 'finish', reason, stats };
}
