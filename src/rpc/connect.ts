// The page's handle on a worker: the protocol's own interfaces, with nothing of comlink showing.
import type { Endpoint } from 'comlink';
import type { AppError } from '../lib/errors';
import { Connection, type ConnectOptions } from './connection';
import { remoteStream } from './remote-stream';

/** Streaming calls as the reader sees them: the same, plus an optional AbortSignal at the end. */
export type StreamsClient<Streams> = {
  [Name in keyof Streams]: Streams[Name] extends (...args: infer Args) => AsyncIterable<infer Item>
    ? (...args: [...Args, signal?: AbortSignal]) => AsyncIterable<Item>
    : never;
};

export interface RpcClient<Api extends object, Streams extends object = object> {
  readonly api: Api;
  readonly streams: StreamsClient<Streams>;
  /** Why the connection is unusable; null while it works. */
  readonly failure: AppError | null;
  /** Rejects all pending and later calls with `error`: the other side is known to be dead. */
  fail(error: AppError): void;
  /** Fails what is pending with `rpc.cancelled` and lets the endpoint go. */
  close(): void;
}

/** Calls reject with AppError only: the far one, or `rpc.timeout`, `rpc.version`, `rpc.cancelled`, `worker.dead`. */
export function connect<Api extends object, Streams extends object = object>(
  endpoint: Endpoint,
  options: ConnectOptions,
): RpcClient<Api, Streams> {
  const connection = new Connection(endpoint, options);
  return {
    api: callsOf<Api>((method, args) => connection.call(method, args)),
    streams: callsOf<StreamsClient<Streams>>((method, args) => openStream(connection, method, args)),
    get failure() {
      return connection.failure;
    },
    fail: (error) => connection.fail(error),
    close: () => connection.close(),
  };
}

/**
 * An object whose every method is `invoke(name, args)`. `then` stays undefined: awaiting the object must not call it.
 */
export function callsOf<Api extends object>(invoke: (method: string, args: unknown[]) => unknown): Api {
  const methods = new Map<string, (...args: unknown[]) => unknown>();
  return new Proxy({} as Api, {
    get(_target, name) {
      if (typeof name !== 'string' || name === 'then' || name === 'toJSON') return undefined;
      const known = methods.get(name);
      if (known) return known;
      const method = (...args: unknown[]) => invoke(name, args);
      methods.set(name, method);
      return method;
    },
  });
}

function openStream(connection: Connection, method: string, args: unknown[]): AsyncIterable<unknown> {
  const last = args.at(-1);
  if (last instanceof AbortSignal) return remoteStream(connection, method, args.slice(0, -1), last);
  const own = last === undefined ? args.slice(0, -1) : args;
  return remoteStream(connection, method, own, null);
}
