// Answers calls on one endpoint (a port, or a worker's own scope). Several endpoints may serve the same api: each
// connection has its own streams, and they end with it. Failures travel as values, never as exceptions.
import { expose, finalizer, transfer, type Endpoint } from 'comlink';
import { AppError } from '../lib/errors';
import { PROTOCOL_VERSION } from '../protocol/workers';
import { encodeError } from './error-codec';
import { HostedStream } from './stream-host';
import { transferablesIn } from './transfer';
import type { CancelMode, Outcome, Pulled, WireHost } from './wire';

export interface Served {
  api: object;
  /** Async generators; an AbortSignal is appended to their arguments. */
  streams?: object | undefined;
  /** Buffers of results move to the caller instead of being copied. */
  transferResults?: boolean;
}

export interface ServeOptions {
  /** Answers `health` in place of the api: also while the api is still being put together. */
  health?: () => unknown;
  /** For tests. */
  protocolVersion?: number;
}

export interface Server {
  /** Ends the streams of this connection. The endpoint stays the caller's. */
  close(): void;
}

type Method = (...args: unknown[]) => unknown;

/** `served` may still be under way: calls wait for it, and fail with its error where it fails. */
export function serve(
  endpoint: Endpoint,
  served: Served | Promise<Served>,
  options: ServeOptions = {},
): Server {
  const host = new CallHost(served, options);
  expose(host, endpoint);
  return host;
}

class CallHost implements WireHost, Server {
  readonly #served: Promise<Served>;
  readonly #options: ServeOptions;
  readonly #streams = new Map<number, HostedStream>();

  constructor(served: Served | Promise<Served>, options: ServeOptions) {
    this.#served = Promise.resolve(served);
    this.#served.catch(() => undefined); // Each call reports it; without calls it is not unhandled.
    this.#options = options;
  }

  async call(version: number, method: string, args: unknown[]): Promise<Outcome> {
    try {
      this.#checkVersion(version);
      if (method === 'health' && this.#options.health) return success(await this.#options.health());
      const { api, transferResults } = await this.#served;
      const value = await methodOf(api, method)(...args);
      return success(value, transferResults);
    } catch (error) {
      return { ok: false, error: encodeError(error) };
    }
  }

  async open(version: number, streamId: number, method: string, args: unknown[]): Promise<Outcome> {
    try {
      this.#checkVersion(version);
      const run = methodOf((await this.#served).streams ?? {}, method);
      const start = (signal: AbortSignal) => iterableOf(run(...args, signal), method);
      this.#streams.set(streamId, new HostedStream(start, () => this.#streams.delete(streamId)));
      return success(undefined);
    } catch (error) {
      return { ok: false, error: encodeError(error) };
    }
  }

  async pull(streamId: number): Promise<Pulled> {
    const stream = this.#streams.get(streamId);
    if (!stream) return { items: [], done: true, error: null };
    const pulled = await stream.pull();
    return transfer(pulled, transferablesIn(pulled.items));
  }

  cancel(streamId: number, mode: CancelMode): void {
    this.#streams.get(streamId)?.cancel(mode);
  }

  /** What comlink calls when the caller lets go of the connection. */
  [finalizer](): void {
    this.close();
  }

  close(): void {
    for (const stream of [...this.#streams.values()]) stream.cancel('now');
  }

  #checkVersion(caller: number): void {
    const own = this.#options.protocolVersion ?? PROTOCOL_VERSION;
    if (caller === own) return;
    throw new AppError('rpc.version', `The page speaks protocol ${caller}, the worker ${own}.`, {
      details: { caller, own },
      remedy: 'Reload the page: an update was installed while it was open.',
    });
  }
}

function success(value: unknown, buffers = false): Outcome {
  return transfer({ ok: true, value }, transferablesIn(value, buffers));
}

/** A method of the object or its class, bound; never one of Object.prototype. */
function methodOf(target: object, name: string): Method {
  const method: unknown = name in Object.prototype ? undefined : Reflect.get(target, name);
  if (typeof method !== 'function') {
    throw new AppError('internal', `The worker has no call named "${name}".`, { details: { method: name } });
  }
  return (method as Method).bind(target);
}

function iterableOf(value: unknown, method: string): AsyncIterable<unknown> {
  if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value) {
    return value as AsyncIterable<unknown>;
  }
  throw new AppError('internal', `"${method}" is no streaming call.`, { details: { method } });
}
