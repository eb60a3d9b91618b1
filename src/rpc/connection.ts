// The caller's side of one connection: every wait on it ends, by an answer, a deadline or `fail`. comlink alone would
// wait for ever, and a port does not tell that its other end is gone: whoever watches the worker calls `fail`.
import { releaseProxy, transfer, wrap, type Endpoint, type Remote } from 'comlink';
import { AppError } from '../lib/errors';
import { PROTOCOL_VERSION } from '../protocol/workers';
import { type Clock, systemClock } from './clock';
import { decodeError, encodeError } from './error-codec';
import { transferablesIn } from './transfer';
import type { CancelMode, Outcome, Pulled, WireHost } from './wire';

/** A timer that fires this late was not late by itself: the page was frozen, and the answer may lie in its queue. */
const FROZEN_MS = 2_000;
const RESUME_GRACE_MS = 5_000;

export interface ConnectOptions {
  /** Who is called, for messages: `engine`. */
  name: string;
  /** Milliseconds a call may take; null waits as long as the other side lives. Default 30 000. */
  deadlineMs?: number | null;
  /** By method name, in place of `deadlineMs`. */
  deadlines?: Record<string, number | null>;
  /** For tests. */
  protocolVersion?: number;
  clock?: Clock;
}

export class Connection {
  readonly #options: ConnectOptions;
  readonly #clock: Clock;
  readonly #host: Remote<WireHost>;
  readonly #pending = new Set<(error: unknown) => void>();
  #failure: AppError | null = null;
  #streamCount = 0;

  constructor(endpoint: Endpoint, options: ConnectOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#host = wrap<WireHost>(endpoint);
  }

  get failure(): AppError | null {
    return this.#failure;
  }

  get pendingCalls(): number {
    return this.#pending.size;
  }

  async call(method: string, args: unknown[]): Promise<unknown> {
    const send = () => this.#host.call(this.#version, method, withPorts(args));
    return unwrap(await this.#wait<Outcome>(send, method, this.#deadlineOf(method)));
  }

  /** Starts a stream on the other side and returns its number. */
  async open(method: string, args: unknown[]): Promise<number> {
    const id = ++this.#streamCount;
    const send = () => this.#host.open(this.#version, id, method, withPorts(args));
    unwrap(await this.#wait<Outcome>(send, method, this.#deadlineOf(method)));
    return id;
  }

  /** Waits without deadline: the supervisor, not a clock, tells a quiet stream from a dead one. */
  async pull(streamId: number, method: string, stopped: Promise<never>): Promise<Pulled> {
    return Promise.race([this.#wait<Pulled>(() => this.#host.pull(streamId), method, null), stopped]);
  }

  cancel(streamId: number, mode: CancelMode): void {
    if (this.#failure) return;
    this.#host.cancel(streamId, mode).catch(() => undefined);
  }

  /** Rejects every pending and every later call. The first failure stands. */
  fail(error: AppError): void {
    if (this.#failure) return;
    this.#failure = error;
    for (const reject of [...this.#pending]) reject(error);
    this.#pending.clear();
  }

  /** Fails what is pending and lets go of the endpoint (a port is closed). */
  close(): void {
    this.fail(new AppError('rpc.cancelled', `The connection to the ${this.#options.name} was closed.`));
    this.#host[releaseProxy]();
  }

  get #version(): number {
    return this.#options.protocolVersion ?? PROTOCOL_VERSION;
  }

  #deadlineOf(method: string): number | null {
    const { deadlines, deadlineMs } = this.#options;
    const own = deadlines?.[method];
    return own === undefined ? (deadlineMs === undefined ? 30_000 : deadlineMs) : own;
  }

  #wait<Value>(send: () => Promise<Value>, method: string, deadlineMs: number | null): Promise<Value> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise<Value>((resolve, reject) => {
      const settle = () => {
        this.#pending.delete(onFail);
        stopTimer();
      };
      const onFail = (error: unknown) => {
        settle();
        // comlink's own refusals, of something that cannot be cloned, come as they are.
        reject(error instanceof AppError ? error : decodeError(encodeError(error)));
      };
      const stopTimer = deadlineMs === null ? () => undefined : this.#startTimer(method, deadlineMs, onFail);
      this.#pending.add(onFail);
      send().then((value) => {
        settle();
        resolve(value);
      }, onFail);
    });
  }

  #startTimer(method: string, deadlineMs: number, onFail: (error: unknown) => void): () => void {
    const due = this.#clock.now() + deadlineMs;
    const expire = () => {
      if (this.#clock.now() - due > FROZEN_MS) stop = this.#clock.after(RESUME_GRACE_MS, fail);
      else fail();
    };
    const fail = () => onFail(this.#timeoutError(method, deadlineMs));
    let stop = this.#clock.after(deadlineMs, expire);
    return () => stop();
  }

  #timeoutError(method: string, timeoutMs: number): AppError {
    const { name } = this.#options;
    return new AppError('rpc.timeout', `"${method}" of the ${name} gave no answer within ${timeoutMs} ms.`, {
      details: { worker: name, method, timeoutMs },
      remedy: 'Try again; if it happens again, reload the page.',
    });
  }
}

function withPorts(args: unknown[]): unknown[] {
  return transfer(args, transferablesIn(args));
}

function unwrap(outcome: Outcome): unknown {
  if (outcome.ok) return outcome.value;
  throw decodeError(outcome.error);
}
