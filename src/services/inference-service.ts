// Answers requests in the order they come, those of one model side by side where its sequences are read together; a request
// that is cancelled while it waits leaves the line at once. Training goes on between the tokens, but leaves the device to an
// answer for a while after each step. A run can be asked itself: with the weights it has at each token.
import type { ResponseCache } from '../inference/response-cache';
import type { GenerationTarget, TextGenerator } from '../inference/text-generator';
import type { GenerationEvent, GenerationRequest } from '../protocol/inference';
import type { ModelTarget } from '../protocol/models';
import { AnswerLine } from './answer-line';
import type { LiveRuns } from './live-runs';
import type { ModelService } from './model-service';

export interface InferenceServiceParts {
  models: Pick<ModelService, 'borrow'>;
  live: Pick<LiveRuns, 'find'>;
  generator: Pick<TextGenerator, 'generate'>;
  cache: Pick<ResponseCache, 'clear'>;
  /** How many answers of one model are written side by side, at least 1. */
  together: () => number;
  /** Tells the supervisor that work goes on. */
  beat: () => void;
}

export class InferenceService {
  readonly #parts: InferenceServiceParts;
  readonly #line: AnswerLine;
  #idle = new Set<() => void>();

  constructor(parts: InferenceServiceParts) {
    this.#parts = parts;
    this.#line = new AnswerLine(parts.together);
  }

  get busy(): boolean {
    return this.#line.queued > 0;
  }

  /** Ends with `finish`, also when cancelled through the signal. */
  async *generate(
    request: GenerationRequest,
    signal: AbortSignal = new AbortController().signal,
  ): AsyncGenerator<GenerationEvent> {
    const leave = await this.#enter(request, signal);
    if (leave === null) {
      yield cancelledInLine(request);
      return;
    }
    try {
      yield* this.#answer(request, signal);
    } finally {
      leave();
      this.#announceIdle();
    }
  }

  /** Resolves when no answer is being written, at the latest after that time. */
  async lull(milliseconds: number): Promise<void> {
    if (!this.busy) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#idle.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.#idle.add(done);
    });
  }

  clearCache(): Promise<void> {
    return this.#parts.cache.clear();
  }

  async *#answer(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent> {
    const lease = await this.#borrow(request.target);
    try {
      for await (const event of this.#parts.generator.generate(lease, request, signal)) {
        this.#parts.beat();
        yield event;
      }
    } finally {
      lease.release();
    }
  }

  /** A run keeps its base on the device itself, and ends the answers that are written with it when it goes. */
  async #borrow(target: ModelTarget): Promise<GenerationTarget & { release(): void }> {
    if (target.runId === undefined) return this.#parts.models.borrow(target);
    return { ...this.#parts.live.find(target.runId, target.modelId), release: () => undefined };
  }

  /** null when it was cancelled in line; its place is given up when its turn comes. */
  async #enter({ target }: GenerationRequest, signal: AbortSignal): Promise<(() => void) | null> {
    const turn = this.#line.enter(lineOf(target));
    const aborted = new Promise<null>((resolve) => {
      if (signal.aborted) resolve(null);
      signal.addEventListener('abort', () => resolve(null), { once: true });
    });
    const leave = await Promise.race([turn, aborted]);
    if (leave === null) void turn.then((leaveLater) => leaveLater());
    return leave;
  }

  #announceIdle(): void {
    if (this.busy) return;
    for (const done of [...this.#idle]) done();
  }
}

/** Answers of the same are written side by side. */
function lineOf({ modelId, runId, storage = 'f32' }: ModelTarget): string {
  return runId === undefined ? `${modelId} ${storage}` : `run ${runId}`;
}

function cancelledInLine({ sampling }: GenerationRequest): GenerationEvent {
  return {
    type: 'finish',
    reason: 'cancelled',
    stats: {
      promptTokens: 0,
      completionTokens: 0,
      cachedTokens: 0,
      firstTokenMs: 0,
      tokensPerSecond: 0,
      seed: sampling.seed ?? 0,
      fromResponseCache: false,
    },
  };
}
