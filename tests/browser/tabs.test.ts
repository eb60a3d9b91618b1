import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AppClients } from '../../src/app/clients/app-clients';
import type { PortBroker, RequestHandler } from '../../src/app/clients/port-broker';
import type { BrokerMessage } from '../../src/rpc/broker';
import { engineOf, faultyClients } from './workers-fixture';

/** Two tabs in one: ports are handed over directly, as the service worker does between real ones. */
class DirectBroker implements PortBroker {
  readonly available = true;
  readonly #handlers: Set<RequestHandler>;
  readonly #owner: () => number;
  readonly #index: number;

  constructor(handlers: Set<RequestHandler>, index: number, owner: () => number) {
    this.#handlers = handlers;
    this.#index = index;
    this.#owner = owner;
  }

  onAvailable(): () => void {
    return () => undefined;
  }

  request(message: BrokerMessage): Promise<MessagePort | null> {
    const handler = [...this.#handlers][this.#owner()];
    if (!handler || this.#owner() === this.#index) return Promise.resolve(null);
    const { port1, port2 } = new MessageChannel();
    handler(message, port2);
    return Promise.resolve(port1);
  }

  onRequest(handler: RequestHandler): () => void {
    this.#handlers.add(handler);
    return () => undefined;
  }
}

const made: AppClients[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((clients) => clients.dispose()));
});

const codeOf = (promise: Promise<unknown>) => promise.catch((error: { code: string }) => error.code);

async function twoTabs() {
  const groupName = `tabs-${crypto.randomUUID()}`;
  const handlers = new Set<RequestHandler>();
  const tabs: AppClients[] = [];
  const owner = () => tabs.findIndex((tab) => tab.ownership.value === 'owner');
  const open = async (state: string) => {
    const tab = faultyClients({ groupName, broker: new DirectBroker(handlers, tabs.length, owner) });
    tabs.push(tab);
    made.push(tab);
    await vi.waitFor(() => expect(tab.ownership.value).toBe(state));
    return tab;
  };
  return { first: await open('owner'), second: await open('guest') };
}

describe('tabs', () => {
  test('guest: its calls and streams reach the workers of the owner', async () => {
    const { first, second } = await twoTabs();
    expect(await engineOf(second).whoAmI()).toBe(await engineOf(first).whoAmI());
    await expect(Array.fromAsync(engineOf(second).generate(3, null))).resolves.toEqual([0, 1, 2]);
  });

  test('guest: hears the events of the owner once', async () => {
    const { first, second } = await twoTabs();
    const heard: number[] = [];
    second.bus.on('metric.logged', ({ value }) => heard.push(value));
    await engineOf(first).emitMetric(1);
    await engineOf(second).emitMetric(2);
    await vi.waitFor(() => expect(heard).toEqual([1, 2]));
  });

  test('guest: hears of a death at once and reaches the new worker', async () => {
    const { first, second } = await twoTabs();
    const before = await engineOf(second).whoAmI();
    const pending = codeOf(engineOf(second).hang());
    await codeOf(engineOf(first).die());
    expect(await pending).toBe('worker.dead');
    await vi.waitFor(async () => expect(await engineOf(second).whoAmI()).not.toBe(before), 5_000);
  });

  test('guest: its streams end in the worker when the tab is gone', async () => {
    const { first, second } = await twoTabs();
    const reader = engineOf(second).generate(1e9, null)[Symbol.asyncIterator]();
    await reader.next();
    await second.dispose();
    await vi.waitFor(async () => expect(await engineOf(first).endedStreams()).toBe(1), 5_000);
  });

  test('takeover: when the owner closes, the guest runs the workers', async () => {
    const { first, second } = await twoTabs();
    const before = await engineOf(second).whoAmI();
    const pending = codeOf(engineOf(second).hang());
    await first.dispose();
    expect(await pending).toBe('worker.dead');
    await vi.waitFor(() => expect(second.ownership.value).toBe('owner'));
    expect(await engineOf(second).whoAmI()).not.toBe(before);
  });

  test('waiting: without a way to the owner a call says what to do', async () => {
    const groupName = `tabs-${crypto.randomUUID()}`;
    const none = { available: false, onAvailable: () => () => undefined, onRequest: () => () => undefined };
    const broker = { ...none, request: () => Promise.resolve(null) };
    const first = faultyClients({ groupName, broker });
    made.push(first);
    await vi.waitFor(() => expect(first.ownership.value).toBe('owner'));
    const second = faultyClients({ groupName, broker });
    made.push(second);
    const error = await engineOf(second)
      .add(1, 1)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'worker.unavailable' });
    expect(second.ownership.value).toBe('waiting');
  });
});
