import { afterEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/lib/errors';
import { connect, type RpcClient } from '../../src/rpc/connect';
import type { ConnectOptions } from '../../src/rpc/connection';
import { serve, type ServeOptions } from '../../src/rpc/serve';
import { transferring } from '../../src/rpc/transfer';
import { FaultyApi, FaultyStreams, type FaultyStreamCalls } from './rpc-fixture';

type Client = RpcClient<FaultyApi, FaultyStreamCalls>;

const open: MessagePort[] = [];
afterEach(() => open.splice(0).forEach((port) => port.close()));

function pair(options: Partial<ConnectOptions> = {}, serveOptions: ServeOptions = {}) {
  const { port1, port2 } = new MessageChannel();
  open.push(port1, port2);
  const streams = new FaultyStreams();
  serve(port2, { api: new FaultyApi(), streams }, serveOptions);
  const client: Client = connect(port1, { name: 'test', ...options });
  return { client, streams, far: port2 };
}

async function errorOf(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw new Error(`Expected an AppError, got ${String(error)}`);
  return error;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('rpc calls', () => {
  test('call: arguments and results travel', async () => {
    await expect(pair().client.api.add(2, 3)).resolves.toBe(5);
  });

  test('call: an AppError keeps code, message, details and remedy', async () => {
    const error = await errorOf(pair().client.api.refuse());
    expect(error).toMatchObject({
      code: 'dataset.bad-line',
      message: 'Line 7 is no JSON.',
      remedy: 'Fix line 7.',
    });
    expect(error.details).toMatchObject({ line: 7 });
    expect(error.details['bad']).toBeTypeOf('string'); // A function cannot be cloned: written out instead.
  });

  test('call: any other error arrives as internal', async () => {
    const error = await errorOf(pair().client.api.crash());
    expect(error).toMatchObject({ code: 'internal', message: 'x is undefined' });
  });

  test('call: a result that cannot be cloned rejects instead of hanging', async () => {
    await expect(pair().client.api.notCloneable()).rejects.toBeInstanceOf(AppError);
  });

  test('call: an argument that cannot be cloned rejects instead of hanging', async () => {
    const api = pair().client.api as unknown as { add(value: unknown): Promise<number> };
    await expect(api.add(() => 1)).rejects.toBeInstanceOf(AppError);
  });

  test('call: unknown names and names of Object.prototype are refused', async () => {
    const api = pair().client.api as unknown as Record<string, () => Promise<unknown>>;
    expect((await errorOf(api['nothing']?.() ?? Promise.resolve())).message).toContain('nothing');
    expect((await errorOf(api['hasOwnProperty']?.() ?? Promise.resolve())).code).toBe('internal');
  });

  test('deadline: per call, with a map by method', async () => {
    const { client } = pair({ deadlineMs: null, deadlines: { hang: 30 } });
    const error = await errorOf(client.api.hang());
    expect(error).toMatchObject({ code: 'rpc.timeout', details: { method: 'hang', timeoutMs: 30 } });
    await expect(client.api.add(1, 1)).resolves.toBe(2);
  });

  test('fail: rejects all pending at once and what comes later', async () => {
    const { client } = pair({ deadlineMs: null });
    const pending = [errorOf(client.api.hang()), errorOf(client.api.hang())];
    client.fail(new AppError('worker.dead', 'Gone.'));
    for (const error of await Promise.all(pending)) expect(error.code).toBe('worker.dead');
    expect((await errorOf(client.api.add(1, 1))).code).toBe('worker.dead');
  });

  test('version: another protocol is refused on both kinds of call, with a way out', async () => {
    const { client } = pair({}, { protocolVersion: 999 });
    const error = await errorOf(client.api.add(1, 1));
    expect(error.code).toBe('rpc.version');
    expect(error.remedy).toContain('Reload');
    const streamed = errorOf(Array.fromAsync(client.streams.polite()));
    expect((await streamed).code).toBe('rpc.version');
  });

  test('thenable: a client can be awaited and returned from async functions', async () => {
    const { client } = pair();
    const { api } = await Promise.resolve(client);
    await expect((await Promise.resolve(api)).add(1, 2)).resolves.toBe(3);
  });
});

describe('rpc transfer', () => {
  test('buffers: copied by default, moved when given away', async () => {
    const { client } = pair();
    const kept = new Uint8Array([1, 2, 3]);
    await client.api.echoBytes(kept);
    expect(kept.byteLength).toBe(3);
    const given = transferring(new Uint8Array([4, 5]));
    await expect(client.api.echoBytes(given)).resolves.toEqual(new Uint8Array([4, 5]));
    expect(given.byteLength).toBe(0);
  });

  test('named file: its blob arrives readable', async () => {
    const file = { name: 'a.txt', blob: new Blob(['hola']) };
    await expect(pair().client.api.readFile(file)).resolves.toBe('hola');
  });

  test('port: moves as an argument', async () => {
    const { port1, port2 } = new MessageChannel();
    const heard = new Promise((resolve) => (port1.onmessage = (event) => resolve(event.data)));
    await pair().client.api.viaPort(port2);
    await expect(heard).resolves.toBe('through the port');
    port1.close();
  });
});

describe('rpc streams', () => {
  test('stream: items in order, all of them, then the end', async () => {
    const { client } = pair();
    const items = await Array.fromAsync(client.streams.count(100, null));
    expect(items).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  test('stream: items before an error are delivered, then the error with its code', async () => {
    const { client } = pair();
    const items: number[] = [];
    const reading = (async () => {
      for await (const item of client.streams.count(10, 3)) items.push(item);
    })();
    expect((await errorOf(reading)).code).toBe('engine.device-lost');
    expect(items).toEqual([0, 1, 2]);
  });

  test('stream: breaking the loop ends the far generator within milliseconds', async () => {
    const { client, streams } = pair();
    for await (const item of client.streams.count(1e9, null)) if (item === 5) break;
    const start = performance.now();
    while (streams.ended === 0) await pause(1);
    expect(performance.now() - start).toBeLessThan(100);
    expect(streams.aborted).toBe(1);
  });

  test('stream: a slow reader holds the generator back', async () => {
    const { client, streams } = pair();
    const reader = client.streams.count(1e6, null)[Symbol.asyncIterator]();
    await reader.next();
    await pause(100);
    // 32 items wait in the queue, and as many may have been handed over by the first pull.
    expect(streams.produced).toBeLessThanOrEqual(65);
    await reader.return?.();
  });

  test('signal: a polite generator delivers its last item', async () => {
    const { client } = pair();
    const abort = new AbortController();
    const items: string[] = [];
    for await (const item of client.streams.polite(abort.signal)) {
      items.push(item);
      if (items.length === 3) abort.abort();
    }
    expect(items.at(-1)).toBe('finish');
  });

  test('signal: a stubborn generator is left behind within the grace', async () => {
    const { client } = pair();
    const abort = new AbortController();
    const start = performance.now();
    const reading = (async () => {
      for await (const _ of client.streams.stubborn(abort.signal)) abort.abort();
    })();
    expect((await errorOf(reading)).code).toBe('rpc.cancelled');
    expect(performance.now() - start).toBeLessThan(500);
  });

  test('fail: ends a stream that waits', async () => {
    const { client } = pair();
    const reading = errorOf(Array.fromAsync(client.streams.stubborn()));
    await pause(20);
    client.fail(new AppError('worker.dead', 'Gone.'));
    expect((await reading).code).toBe('worker.dead');
  });

  test('two clients: closing one leaves the streams of the other alone', async () => {
    const api = new FaultyApi();
    const streams = new FaultyStreams();
    const clients = [1, 2].map((): Client => {
      const { port1, port2 } = new MessageChannel();
      open.push(port1, port2);
      serve(port2, { api, streams });
      return connect(port1, { name: 'test' });
    });
    const [first, second] = clients;
    if (!first || !second) throw new Error('two clients');
    const reader = first.streams.count(1e9, null)[Symbol.asyncIterator]();
    await reader.next();
    const whole = Array.fromAsync(second.streams.count(50, null));
    first.close();
    await expect(whole).resolves.toHaveLength(50);
    while (streams.ended < 2) await pause(1); // The closed one's generator ends as well.
    await expect(second.api.add(1, 1)).resolves.toBe(2);
  });
});
