// The reader's side of a streaming call, as an async iterable. Breaking the loop stops the far generator at once; an
// AbortSignal asks it to end, so that it can still deliver its last item, and stops it when it does not.
import { AppError } from '../lib/errors';
import type { Connection } from './connection';
import { decodeError } from './error-codec';

/** Time a generator gets to end by itself after its signal fired. */
const CANCEL_GRACE_MS = 150;

export async function* remoteStream(
  connection: Connection,
  method: string,
  args: unknown[],
  signal: AbortSignal | null,
): AsyncGenerator<unknown, void, undefined> {
  if (signal?.aborted === true) throw cancelled(method);
  const id = await connection.open(method, args);
  const stop = new StopRequest(method, signal, () => connection.cancel(id, 'ask'));
  let ended = false;
  try {
    for (;;) {
      const { items, done, error } = await connection.pull(id, method, stop.rejected);
      yield* items;
      ended = done;
      if (error) throw decodeError(error);
      if (done) return;
    }
  } finally {
    stop.dispose();
    if (!ended) connection.cancel(id, 'now');
  }
}

/** Turns an abort into: ask now, reject after the grace. */
class StopRequest {
  readonly rejected: Promise<never>;
  readonly #signal: AbortSignal | null;
  readonly #onAbort: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(method: string, signal: AbortSignal | null, ask: () => void) {
    let reject: (error: AppError) => void = () => undefined;
    this.rejected = new Promise<never>((_resolve, rejectPromise) => (reject = rejectPromise));
    this.rejected.catch(() => undefined);
    this.#signal = signal;
    this.#onAbort = () => {
      ask();
      this.#timer = setTimeout(() => reject(cancelled(method)), CANCEL_GRACE_MS);
    };
    if (signal?.aborted === true) this.#onAbort();
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

function cancelled(method: string): AppError {
  return new AppError('rpc.cancelled', `"${method}" was cancelled.`, { details: { method } });
}
