// A sequence decoded with weights that are being trained. Optimizer steps may fall between two of its tokens, never into
// one. After a step nothing that was read with the old weights is kept: the text is read again with the new ones, so each
// token is what the weights of its moment say. It owns the session it wraps; the weights are the run's.
import type { AppError } from '../lib/errors';
import type { DecodeSession, TokenChoice } from '../models/loaded-model';
import type { TrainableModel } from '../models/trainable-model';

export class LiveSession implements DecodeSession {
  /** Absent where the wrapped session has none. */
  readonly feedAndChoose?: (tokens: readonly number[], choice: TokenChoice) => Promise<number>;
  readonly #inner: DecodeSession;
  readonly #training: Pick<TrainableModel, 'appliedSteps'>;
  readonly #onDispose: (session: LiveSession) => void;
  readonly #tokens: number[] = [];
  /** Steps behind the weights that the wrapped session has read with. */
  #readAt: number;
  #ended: AppError | null = null;
  #disposed = false;

  constructor(
    inner: DecodeSession,
    training: Pick<TrainableModel, 'appliedSteps'>,
    onDispose: (session: LiveSession) => void,
  ) {
    this.#inner = inner;
    this.#training = training;
    this.#onDispose = onDispose;
    this.#readAt = training.appliedSteps;
    const choose = inner.feedAndChoose?.bind(inner);
    if (choose !== undefined) {
      this.feedAndChoose = (tokens, choice) => this.#read(tokens, (unread) => choose(unread, choice));
    }
  }

  get length(): number {
    return this.#tokens.length;
  }

  /** @throws what `end` was given, once the weights are gone. */
  feed(tokens: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    return this.#read(tokens, (unread) => this.#inner.feed(unread));
  }

  truncate(length: number): void {
    this.#tokens.length = Math.max(0, Math.min(length, this.length));
    this.#inner.truncate(this.length);
  }

  /** The weights are about to go: whoever still writes with them is told why. */
  end(reason: AppError): void {
    this.#ended = reason;
    this.dispose();
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#inner.dispose();
    this.#onDispose(this);
  }

  async #read<T>(tokens: readonly number[], read: (unread: readonly number[]) => Promise<T>): Promise<T> {
    if (this.#ended !== null) throw this.#ended;
    const { appliedSteps } = this.#training;
    if (appliedSteps !== this.#readAt) this.#inner.truncate(0);
    this.#readAt = appliedSteps;
    const result = await read([...this.#tokens.slice(this.#inner.length), ...tokens]);
    this.#tokens.push(...tokens);
    return result;
  }
}
