// Reads pieces of one file of a server into memory, each tried again where it broke off. It remembers where the first address
// led (RangeSource does) and keeps no bytes.
import { cutError, lengthError, refusedError, TemporaryFailure } from './download-errors';
import type { RangeAnswer, RangeSource } from './range-source';
import { DEFAULT_RETRIES, retryDelayMs, type RetryLimits } from './retry-policy';
import type { TransferClock } from './transfer';

export interface RangeReaderParts {
  source: RangeSource;
  /** Of the file, for messages. */
  name: string;
  /** As it was announced. */
  sizeBytes: number;
  clock: TransferClock;
  retries?: RetryLimits | undefined;
}

export class RangeReader {
  readonly #parts: RangeReaderParts;

  constructor(parts: RangeReaderParts) {
    this.#parts = parts;
  }

  /**
   * Bytes from `start` up to, not including, `end`.
   * @throws AppError `download.*` or what the source's `explain` says; the signal's reason when it fires.
   */
  async read(start: number, end: number, signal: AbortSignal): Promise<ArrayBuffer> {
    const { clock, retries = DEFAULT_RETRIES } = this.#parts;
    for (let failures = 1; ; failures++) {
      try {
        return await this.#attempt(start, end, signal);
      } catch (error) {
        if (!(error instanceof TemporaryFailure)) throw error;
        const delay = retryDelayMs(failures, error.askedMs, clock.dice(), retries);
        if (delay === null) throw error.error;
        await clock.sleep(delay, signal);
      }
    }
  }

  async #attempt(start: number, end: number, signal: AbortSignal): Promise<ArrayBuffer> {
    const answer = await this.#parts.source.open({ start, end }, signal);
    const refusal = this.#refusal(answer, end - start);
    if (refusal !== null) {
      await answer.body.cancel().catch(() => undefined);
      throw refusal;
    }
    const bytes = await new Response(answer.body).arrayBuffer().catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new TemporaryFailure(cutError(this.#parts.name, 0, end - start, cause));
    });
    if (bytes.byteLength === end - start) return bytes;
    throw new TemporaryFailure(cutError(this.#parts.name, bytes.byteLength, end - start));
  }

  #refusal({ ranged, totalBytes }: RangeAnswer, wanted: number): Error | null {
    const { name, sizeBytes } = this.#parts;
    if (totalBytes !== null && totalBytes !== sizeBytes) return lengthError(name, sizeBytes, totalBytes);
    // A server without ranges sends the whole: too much where a part was wanted.
    return ranged || wanted === sizeBytes ? null : refusedError(`parts of ${name}`, 200);
  }
}
