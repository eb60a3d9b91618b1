import { describe, expect, it, vi } from 'vitest';
import { EventBus } from '../../core/event-bus';
import { WritableObservable } from '../../orchestrator/observable';
import type { Ownership } from '../clients/app-clients';
import { watchWorkers } from './worker-watch';

function setUp(first: Ownership) {
  const bus = new EventBus();
  const ownership = new WritableObservable<Ownership>(first);
  const start = vi.fn(() => Promise.resolve());
  const refresh = vi.fn(() => Promise.resolve());
  const show = vi.fn();
  const services = { clients: { bus, ownership }, device: { start }, library: { refresh }, toasts: { show } };
  const stop = watchWorkers(services, () => 'wasm');
  const fail = (code: 'worker.dead' | 'storage.quota') =>
    bus.emit(
      'error.occurred',
      { code, message: 'It stopped.', remedy: 'It starts again.', context: 'test' },
      'test',
    );
  return { ownership, start, refresh, show, stop, fail };
}

describe('watchWorkers', () => {
  it('a dead worker: says so once and starts the chosen backend again', async () => {
    const { fail, start, refresh, show } = setUp('owner');
    fail('worker.dead');
    expect(show).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ tone: 'warn', body: 'It stopped. It starts again.' }),
    );
    expect(start).toHaveBeenCalledExactlyOnceWith('wasm');
    await vi.waitFor(() => expect(refresh).toHaveBeenCalledOnce());
  });

  it('any other error: leaves the workers alone', () => {
    const { fail, start, show } = setUp('owner');
    fail('storage.quota');
    expect(start).not.toHaveBeenCalled();
    expect(show).not.toHaveBeenCalled();
  });

  it('a tab that takes over: starts its backend once, and not for owning them from the start', () => {
    const { ownership, start } = setUp('guest');
    ownership.set('waiting');
    expect(start).not.toHaveBeenCalled();
    ownership.set('owner');
    expect(start).toHaveBeenCalledOnce();
    expect(setUp('owner').start).not.toHaveBeenCalled();
  });

  it('stopped: hears nothing any more', () => {
    const { ownership, fail, stop, start } = setUp('guest');
    stop();
    ownership.set('owner');
    fail('worker.dead');
    expect(start).not.toHaveBeenCalled();
  });
});
