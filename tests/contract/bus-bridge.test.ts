// Buses joined over the browser's own channels, where messages are cloned and arrive later.
import { describe, expect, test, vi } from 'vitest';
import { bridgeBus, type BusChannel } from '../../src/core/bus-bridge';
import { EventBus } from '../../src/core/event-bus';

interface Ends {
  near: BusChannel;
  far: BusChannel;
  close: () => void;
}

const channels: Record<string, () => Ends> = {
  MessagePort: () => {
    const { port1, port2 } = new MessageChannel();
    const close = () => [port1, port2].forEach((port) => port.close());
    return { near: port1, far: port2, close };
  },
  BroadcastChannel: () => {
    const name = `bridge-${crypto.randomUUID()}`;
    const [near, far] = [new BroadcastChannel(name), new BroadcastChannel(name)];
    const close = () => [near, far].forEach((channel) => channel.close());
    return { near, far, close };
  },
};

const metric = (name: string) => ({ name, value: 1, labels: { of: name } });

describe.each(Object.entries(channels))('bus bridge over %s', (_kind, open) => {
  test('bus bridge: both ways, each event once, its payload whole, and none after it is taken down', async () => {
    const { near, far, close } = open();
    const [page, worker] = [new EventBus({ realm: 'page' }), new EventBus({ realm: 'worker' })];
    const heard: Record<'page' | 'worker', string[]> = { page: [], worker: [] };
    page.on('metric.logged', ({ labels }, { realm }) => heard.page.push(`${labels['of']} of ${realm}`));
    worker.on('metric.logged', ({ labels }, { realm }) => heard.worker.push(`${labels['of']} of ${realm}`));
    const unbridge = bridgeBus(page, near);
    bridgeBus(worker, far);
    page.emit('metric.logged', metric('a'), 'test');
    worker.emit('metric.logged', metric('b'), 'test');
    await vi.waitFor(() => expect(heard.worker).toHaveLength(2));
    await vi.waitFor(() => expect(heard.page).toHaveLength(2));
    expect(heard.page.sort()).toEqual(['a of page', 'b of worker']);
    expect(heard.worker.sort()).toEqual(['a of page', 'b of worker']);
    unbridge();
    worker.emit('metric.logged', metric('c'), 'test');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(heard.page).toHaveLength(2);
    close();
  });
});
