// Brings the missing bytes of one file into an open partial file: several ranges at a time, each tried again where it
// broke off. It holds one network chunk per range in memory. It decides nothing about what the bytes are worth.
import type { PartialFile } from '../storage/partial-files';
import { addRange, bytesIn, firstMissing, missingPieces, type ByteRange } from './byte-ranges';
import { cutError, lengthError, noLengthError, stalledError, TemporaryFailure } from './download-errors';
import type { RangeAnswer, RangeSource } from './range-source';
import { retryDelayMs, type RetryLimits } from './retry-policy';
import { Stallable } from './stallable';

export interface TransferLimits {
  /** Requests at a time. */
  connections: number;
  /** Longest range of one request. */
  pieceBytes: number;
  /** A request that brings nothing for this long is given up and made again. */
  stallMs: number;
  retries: RetryLimits;
}

export interface TransferClock {
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Rejects with the signal's reason. */
  sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** 0 to below 1. */
  dice: () => number;
}

export interface TransferParts {
  name: string;
  source: RangeSource;
  file: PartialFile;
  /** null until the first answer tells. */
  sizeBytes: number | null;
  ranges: readonly ByteRange[];
  limits: TransferLimits;
  clock: TransferClock;
  /** Every answer passes here before its bytes are taken. @throws to refuse them. */
  check: (answer: RangeAnswer) => void;
  /** Bytes arrived. */
  onBytes: (count: number) => void | Promise<void>;
  /** The server wants to be left alone, or nothing gets through. */
  onWait: (untilMs: number) => void;
}

export class Transfer {
  readonly #parts: TransferParts;
  readonly #stop = new AbortController();
  #ranges: ByteRange[];
  #sizeBytes: number | null;
  #queue: ByteRange[] = [];
  /** The queue is made: an answer told enough. */
  #planned = false;
  /** Nobody asks before: what one request was told counts for all. */
  #notBeforeMs = 0;

  constructor(parts: TransferParts) {
    this.#parts = parts;
    this.#ranges = [...parts.ranges];
    this.#sizeBytes = parts.sizeBytes;
  }

  /** What was given to the file; some of it may not be flushed yet. */
  get ranges(): readonly ByteRange[] {
    return this.#ranges;
  }

  get sizeBytes(): number | null {
    return this.#sizeBytes;
  }

  get receivedBytes(): number {
    return bytesIn(this.#ranges);
  }

  /**
   * Returns when every byte was given to the file and no request is open any more, also when it throws.
   * @throws AppError for what does not pass; what the file threw; the signal's reason.
   */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#stop.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await this.#lead();
    } finally {
      signal.removeEventListener('abort', stop);
      this.#stop.abort();
    }
  }

  /** One request first: its answer tells the size and whether ranges are served at all. */
  async #lead(): Promise<void> {
    const { pieceBytes, connections } = this.#parts.limits;
    const first = firstMissing(this.#ranges, this.#sizeBytes, pieceBytes);
    if (first === null) return;
    const lanes: Promise<void>[] = [];
    await new Promise<void>((resolve) => {
      const lead = this.#fetchPiece(first, resolve).then(() => this.#lane());
      lanes.push(lead);
      // A lead that fails before its answer opens no other lanes.
      void lead.catch(() => undefined).finally(resolve);
    });
    for (let lane = 1; lane < connections && this.#queue.length > 0; lane++) lanes.push(this.#lane());
    await this.#all(lanes);
  }

  /** The first failure stops the others, and is thrown when all have stopped. */
  async #all(lanes: Promise<void>[]): Promise<void> {
    const failures: unknown[] = [];
    const watched = lanes.map((lane) =>
      lane.catch((error: unknown) => {
        failures.push(error);
        this.#stop.abort(error);
      }),
    );
    await Promise.all(watched);
    if (failures.length > 0) throw failures[0];
  }

  async #lane(): Promise<void> {
    for (let piece = this.#queue.shift(); piece !== undefined; piece = this.#queue.shift()) {
      await this.#fetchPiece(piece);
    }
  }

  /** @param onAnswer hears that an answer came and what it says is known. */
  async #fetchPiece(piece: ByteRange, onAnswer?: () => void): Promise<void> {
    const reader = new PieceReader(piece);
    for (let failures = 0; !reader.done;) {
      try {
        await this.#read(reader, onAnswer);
      } catch (error) {
        if (!(error instanceof TemporaryFailure)) throw error;
        failures = reader.tookBytes() ? 1 : failures + 1;
        await this.#wait(error, failures);
      }
    }
  }

  async #read(reader: PieceReader, onAnswer?: () => void): Promise<void> {
    const patience = this.#parts.clock;
    const early = this.#notBeforeMs - patience.now();
    if (early > 0) await patience.sleep(early, this.#stop.signal);
    const request = new Stallable(this.#parts.limits.stallMs, this.#stop.signal);
    try {
      const answer = await request.within(this.#parts.source.open(reader.rest, request.signal));
      if (answer === null) throw new TemporaryFailure(stalledError(this.#parts.name, request.stallMs));
      this.#learn(answer, reader);
      onAnswer?.();
      await this.#drain(answer, reader, request);
    } finally {
      request.end();
    }
  }

  #learn(answer: RangeAnswer, reader: PieceReader): void {
    this.#parts.check(answer);
    const { name, limits } = this.#parts;
    // The length of a whole body may be that of its encoded form: what comes out of it is counted instead.
    if (answer.ranged && answer.totalBytes !== null && this.#sizeBytes !== null) {
      if (answer.totalBytes !== this.#sizeBytes) throw lengthError(name, this.#sizeBytes, answer.totalBytes);
    }
    this.#sizeBytes ??= answer.totalBytes;
    if (!answer.ranged) {
      this.#planned = true;
      this.#queue = [];
      reader.becomeWhole(this.#sizeBytes);
      return;
    }
    if (this.#sizeBytes === null) throw noLengthError(name);
    if (this.#planned) return;
    this.#planned = true;
    reader.limit(this.#sizeBytes);
    this.#queue = missingPieces(addRange(this.#ranges, reader.piece), this.#sizeBytes, limits.pieceBytes);
  }

  async #drain(answer: RangeAnswer, reader: PieceReader, request: Stallable): Promise<void> {
    const body = answer.body.getReader();
    try {
      while (!reader.done) {
        const chunk = await this.#nextChunk(body, reader, request);
        if (chunk === null) {
          this.#endOfBody(answer, reader);
          return;
        }
        await this.#take(chunk, reader);
      }
    } finally {
      await body.cancel().catch(() => undefined);
    }
  }

  /** null at the end of the body. */
  async #nextChunk(
    body: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
    reader: PieceReader,
    request: Stallable,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const { name } = this.#parts;
    const step = await request.within(body.read()).catch((cause: unknown) => {
      this.#stop.signal.throwIfAborted();
      throw new TemporaryFailure(cutError(name, reader.at, this.#sizeBytes, cause));
    });
    if (step === null) throw new TemporaryFailure(stalledError(name, request.stallMs));
    return step.done ? null : step.value;
  }

  /** The body ended before the piece did. */
  #endOfBody(answer: RangeAnswer, reader: PieceReader): void {
    const { name } = this.#parts;
    if (this.#sizeBytes === null) {
      // Nobody ever said how long it is: it ends where it ends.
      this.#sizeBytes = reader.at;
      reader.limit(reader.at);
      return;
    }
    // All that was announced with the answer came, and is not all.
    if (!answer.ranged && answer.totalBytes === reader.at)
      throw lengthError(name, this.#sizeBytes, reader.at);
    throw new TemporaryFailure(cutError(name, reader.at, this.#sizeBytes));
  }

  async #take(chunk: Uint8Array<ArrayBuffer>, reader: PieceReader): Promise<void> {
    const { name, file, onBytes } = this.#parts;
    const beyond = reader.at + chunk.byteLength - reader.piece.end;
    if (beyond > 0) throw lengthError(name, reader.piece.end, reader.piece.end + beyond);
    this.#stop.signal.throwIfAborted();
    await file.write(reader.at, chunk);
    this.#ranges = addRange(this.#ranges, { start: reader.at, end: reader.at + chunk.byteLength });
    reader.at += chunk.byteLength;
    await onBytes(chunk.byteLength);
  }

  async #wait(failure: TemporaryFailure, failures: number): Promise<void> {
    const { clock, limits, onWait } = this.#parts;
    const delay = retryDelayMs(failures, failure.askedMs, clock.dice(), limits.retries);
    if (delay === null) throw failure.error;
    const until = clock.now() + delay;
    if (failure.askedMs !== null) this.#notBeforeMs = Math.max(this.#notBeforeMs, until);
    onWait(until);
    await clock.sleep(delay, this.#stop.signal);
  }
}

/** How far one piece has come. */
class PieceReader {
  piece: ByteRange;
  at: number;
  #whole = false;
  #atLastFailure: number;

  constructor(piece: ByteRange) {
    this.piece = piece;
    this.at = piece.start;
    this.#atLastFailure = piece.start;
  }

  get done(): boolean {
    return this.at >= this.piece.end;
  }

  get rest(): ByteRange {
    return { start: this.at, end: this.piece.end };
  }

  /** Since the failure before. A file that always starts anew gets nowhere by bytes. */
  tookBytes(): boolean {
    const took = !this.#whole && this.at > this.#atLastFailure;
    this.#atLastFailure = this.at;
    return took;
  }

  limit(sizeBytes: number): void {
    this.piece = { start: this.piece.start, end: Math.min(this.piece.end, sizeBytes) };
  }

  /** The answer is the file from its start. */
  becomeWhole(sizeBytes: number | null): void {
    this.at = 0;
    this.#whole = true;
    this.piece = { start: 0, end: sizeBytes ?? Number.MAX_SAFE_INTEGER };
  }
}
