// A worker's calls as one flat object that outlives the connections behind it: each call takes the one of the moment.
import { callsOf, type RpcClient, type StreamsClient } from '../../rpc/connect';

type AnyClient = RpcClient<object>;
type Callable = (...args: unknown[]) => unknown;

/**
 * @param client the connection to use now, or a rejection with the reason why there is none
 * @param streamNames which methods stream; the rest are calls
 */
export function liveClient<Api extends object, Streams extends object = object>(
  client: () => Promise<AnyClient>,
  streamNames: readonly (keyof Streams & string)[],
): Api & StreamsClient<Streams> {
  const streaming = new Set<string>(streamNames);
  return callsOf<Api & StreamsClient<Streams>>((method, args) =>
    streaming.has(method) ? streamOf(client, method, args) : callOf(client, method, args),
  );
}

async function callOf(client: () => Promise<AnyClient>, method: string, args: unknown[]): Promise<unknown> {
  const { api } = await client();
  return (Reflect.get(api, method) as Callable)(...args);
}

async function* streamOf(
  client: () => Promise<AnyClient>,
  method: string,
  args: unknown[],
): AsyncGenerator<unknown> {
  const { streams } = await client();
  yield* (Reflect.get(streams, method) as Callable)(...args) as AsyncIterable<unknown>;
}
