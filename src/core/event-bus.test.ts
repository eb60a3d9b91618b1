import { describe, expect, test, vi } from 'vitest';
import { bridgeBus, type BusChannel } from './bus-bridge';
import { EventBus } from './event-bus';

const metric = (name: string) => ({ name, value: 1, labels: {} });
const quiet = () => undefined;

describe('event bus', () => {
  test('event bus: specific handlers run before any-handlers', () => {
    const bus = new EventBus({ realm: 'r', now: () => 5 });
    const order: string[] = [];
    bus.onAny((envelope) => order.push(`any ${envelope.type}`));
    bus.on('metric.logged', (data, envelope) => order.push(`${data.name} ${envelope.sequence}`));
    bus.emit('metric.logged', metric('loss'), 'test');
    bus.emit('training.epoch', { runId: 'x', epoch: 1 }, 'test');
    expect(order).toEqual(['loss 1', 'any metric.logged', 'any training.epoch']);
  });

  test('event bus: unsubscribe, once, off and removeAll', () => {
    const bus = new EventBus();
    const handler = vi.fn();
    const stop = bus.on('metric.logged', handler);
    bus.once('metric.logged', handler);
    bus.emit('metric.logged', metric('a'), 'test');
    expect(handler).toHaveBeenCalledTimes(2);
    bus.emit('metric.logged', metric('b'), 'test');
    expect(handler).toHaveBeenCalledTimes(3);
    stop();
    bus.on('metric.logged', handler);
    bus.off('metric.logged');
    bus.onAny(handler);
    bus.removeAll();
    bus.emit('metric.logged', metric('c'), 'test');
    expect(handler).toHaveBeenCalledTimes(3);
  });

  test('event bus: a throwing handler does not stop the others and is reported', () => {
    const bus = new EventBus({ log: quiet });
    const after = vi.fn();
    const errors: string[] = [];
    bus.on('error.occurred', (data) => errors.push(`${data.message} (${data.context})`));
    bus.on('metric.logged', () => {
      throw new Error('boom');
    });
    bus.on('metric.logged', after);
    bus.emit('metric.logged', metric('a'), 'test');
    expect(after).toHaveBeenCalledOnce();
    expect(errors).toEqual(['boom (handler of metric.logged)']);
  });

  test('event bus: a broken error handler does not loop, even through other events', () => {
    const log = vi.fn();
    const bus = new EventBus({ log });
    bus.on('metric.logged', () => {
      throw new Error('boom');
    });
    bus.on('error.occurred', () => {
      bus.emit('metric.logged', metric('again'), 'test');
      throw new Error('worse');
    });
    bus.emit('metric.logged', metric('a'), 'test');
    expect(log).toHaveBeenCalledTimes(3);
  });

  test('event bus: a foreign envelope is delivered once, in whatever order it comes', () => {
    const [near, far] = [new EventBus({ realm: 'near' }), new EventBus({ realm: 'far' })];
    const heard: number[] = [];
    near.on('metric.logged', (_data, envelope) => heard.push(envelope.sequence));
    const envelopes: Parameters<EventBus['receive']>[0][] = [];
    far.onAny((envelope) => envelopes.push(envelope));
    for (const name of ['a', 'b', 'c']) far.emit('metric.logged', metric(name), 'test');
    for (const index of [0, 2, 1, 2, 0]) {
      const envelope = envelopes[index];
      if (envelope !== undefined) near.receive(envelope);
    }
    expect(heard).toEqual([1, 3, 2]);
    expect(far.receive(envelopes[0] as never)).toBe(false);
  });
});

/** A pair of channels that deliver at once and count what passed. */
function pair(): { left: BusChannel; right: BusChannel; count: () => number } {
  let passed = 0;
  const listeners = {
    left: new Set<(event: MessageEvent) => void>(),
    right: new Set<(event: MessageEvent) => void>(),
  };
  const side = (own: 'left' | 'right', other: 'left' | 'right'): BusChannel => ({
    postMessage(message) {
      passed += 1;
      for (const listener of [...listeners[other]]) {
        listener(new MessageEvent('message', { data: structuredClone(message) }));
      }
    },
    addEventListener: (_type, listener) => void listeners[own].add(listener),
    removeEventListener: (_type, listener) => void listeners[own].delete(listener),
  });
  return { left: side('left', 'right'), right: side('right', 'left'), count: () => passed };
}

describe('bus bridge', () => {
  test('bus bridge: carries events both ways without echo', () => {
    const [page, worker] = [new EventBus({ realm: 'page' }), new EventBus({ realm: 'worker' })];
    const { left, right, count } = pair();
    bridgeBus(page, left);
    bridgeBus(worker, right);
    const heard: string[] = [];
    page.onAny((envelope) => heard.push(`page ${envelope.realm}`));
    worker.onAny((envelope) => heard.push(`worker ${envelope.realm}`));
    page.emit('metric.logged', metric('a'), 'test');
    worker.emit('metric.logged', metric('b'), 'test');
    expect(heard.sort()).toEqual(['page page', 'page worker', 'worker page', 'worker worker']);
    expect(count()).toBe(2);
  });

  test('bus bridge: a ring of three delivers each event once everywhere', () => {
    const buses = ['a', 'b', 'c'].map((realm) => new EventBus({ realm }));
    const heard: string[] = [];
    for (const bus of buses) bus.onAny((envelope) => heard.push(`${envelope.realm}>${bus.realm}`));
    buses.forEach((bus, index) => {
      const next = buses[(index + 1) % 3];
      const { left, right } = pair();
      bridgeBus(bus, left);
      if (next !== undefined) bridgeBus(next, right);
    });
    buses[0]?.emit('metric.logged', metric('x'), 'test');
    expect(heard.sort()).toEqual(['a>a', 'a>b', 'a>c']);
  });

  test('bus bridge: other messages pass it by, a filter holds events back, disposal ends it', () => {
    const [page, worker] = [new EventBus({ realm: 'page' }), new EventBus({ realm: 'worker' })];
    const { left, right } = pair();
    const dispose = bridgeBus(page, left, { accept: (envelope) => envelope.type !== 'training.epoch' });
    bridgeBus(worker, right);
    const handler = vi.fn();
    worker.onAny(handler);
    left.postMessage('unrelated');
    page.emit('training.epoch', { runId: 'r', epoch: 1 }, 'test');
    expect(handler).not.toHaveBeenCalled();
    dispose();
    page.emit('metric.logged', metric('a'), 'test');
    expect(handler).not.toHaveBeenCalled();
  });
});
