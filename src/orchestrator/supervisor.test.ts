import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AppError } from '../lib/errors';
import type { Clock } from '../rpc/clock';
import type { HostMessage } from '../rpc/handshake';
import { serve } from '../rpc/serve';
import { DEFAULT_POLICY } from './supervision-plan';
import { Supervisor, type WorkerHandle } from './supervisor';
import { WorkerPool } from './worker-pool';

/** Time that passes when told to. */
class ManualClock implements Clock {
  #now = 0;
  #timers: { at: number; action: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, action: () => void): () => void {
    const timer = { at: this.#now + milliseconds, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.at);
      next.action();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** No timer runs meanwhile, all of them late: a frozen page. */
  freeze(milliseconds: number): void {
    this.#now += milliseconds;
  }
}

/** A worker in this thread. `mute` answers nothing, as one in an endless loop. */
class FakeWorker implements WorkerHandle {
  terminated = false;
  readonly ports: MessagePort[] = [];
  readonly #listeners = new Map<string, ((event: MessageEvent<unknown>) => void)[]>();
  readonly #mute: boolean;

  constructor(mute: boolean) {
    this.#mute = mute;
  }

  postMessage(message: HostMessage): void {
    if (message.type !== 'fragua:init') return;
    this.ports.push(message.callPort, message.busPort);
    if (this.#mute) return;
    const api = {
      health: () => Promise.resolve({ healthy: true }),
      hang: () => new Promise(() => undefined),
    };
    serve(message.callPort, { api });
  }

  terminate(): void {
    this.terminated = true;
    this.ports.forEach((port) => port.close());
  }

  addEventListener(type: string, listener: (event: MessageEvent<unknown>) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  emit(type: string, data?: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ data } as MessageEvent<unknown>);
  }

  beat(activity: string): void {
    this.emit('message', { type: 'fragua:beat', activity });
  }
}

const cleanups: (() => void)[] = [];
afterEach(() => cleanups.splice(0).forEach((cleanup) => cleanup()));
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

function setUp({ mute = false } = {}) {
  const clock = new ManualClock();
  const pool = new WorkerPool();
  const workers: FakeWorker[] = [];
  const died: AppError[] = [];
  const listeners: (() => void)[] = [];
  const onDeath = (listener: () => void) => listeners.push(listener);
  const supervisor = new Supervisor({
    kind: 'engine',
    capabilities: ['train'],
    pool,
    clock,
    policy: { ...DEFAULT_POLICY, graceTicks: 2 },
    spawn: () => {
      const worker = new FakeWorker(mute);
      workers.push(worker);
      return worker;
    },
    connectOptions: { deadlineMs: null, clock },
    bridge: (port) => () => port.close(),
    onDied: (error) => {
      died.push(error);
      listeners.forEach((listener) => listener());
    },
  });
  cleanups.push(() => workers.forEach((worker) => worker.terminate()));
  const status = () => pool.workers.value[0]?.status;
  return { clock, pool, workers, died, onDeath, supervisor, status };
}

describe('supervisor', () => {
  test('start: at the first use only, healthy with the first beat', async () => {
    const { supervisor, workers, status } = setUp();
    expect(workers).toHaveLength(0);
    await supervisor.client();
    await supervisor.client();
    expect(workers).toHaveLength(1);
    expect(status()).toBe('starting');
    workers[0]?.beat('idle');
    expect(status()).toBe('healthy');
  });

  test('silence: pinged first, and trusted again when it answers', async () => {
    const { supervisor, workers, clock, status } = setUp();
    await supervisor.client();
    workers[0]?.beat('idle');
    clock.advance(60_000);
    expect(status()).toBe('unresponsive');
    await vi.waitFor(() => expect(status()).toBe('healthy'));
    expect(workers[0]?.terminated).toBe(false);
  });

  test('death: who calls as soon as it is told waits for the one successor', async () => {
    const { supervisor, workers, clock, onDeath } = setUp();
    await supervisor.client();
    const next = new Promise((resolve) => onDeath(() => resolve(supervisor.client())));
    workers[0]?.emit('error');
    clock.advance(DEFAULT_POLICY.backoffBaseMs);
    expect(await next).toBe(await supervisor.client());
    expect(workers.map(({ terminated }) => terminated)).toEqual([true, false]);
  });

  test('death: terminated, pending rejected, restarted after the back-off', async () => {
    const { supervisor, workers, clock, died, status } = setUp({ mute: true });
    const client = await supervisor.client();
    workers[0]?.beat('idle');
    const pending = client.api.health().catch((error: unknown) => error);
    clock.advance(60_000); // Silent: pinged.
    clock.advance(10_000); // No answer.
    await settled();
    expect(await pending).toMatchObject({ code: 'worker.dead' });
    expect(died).toHaveLength(1);
    expect(workers[0]?.terminated).toBe(true);
    expect(status()).toBe('restarting');
    const later = supervisor.client();
    clock.advance(500);
    expect(workers).toHaveLength(2);
    expect((await later).failure).toBeNull();
  });

  test('error event: death at once; the back-off grows with deaths in a row', async () => {
    const { supervisor, workers, clock, pool } = setUp();
    await supervisor.client();
    workers[0]?.emit('error');
    clock.advance(500);
    expect(workers).toHaveLength(2);
    workers[1]?.emit('messageerror');
    clock.advance(999);
    expect(workers).toHaveLength(2);
    clock.advance(1);
    expect(workers).toHaveLength(3);
    expect(pool.workers.value[0]?.restarts).toBe(2);
  });

  test('busy: progress beats keep a long task alive', async () => {
    const { supervisor, workers, clock, died } = setUp({ mute: true });
    await supervisor.client();
    for (let minute = 0; minute < 10; minute++) {
      workers[0]?.beat('training');
      clock.advance(120_000); // Below the 180 s of training.
    }
    expect(died).toHaveLength(0);
  });

  test('frozen page: no death for what could not be heard', async () => {
    const { supervisor, workers, clock, status } = setUp({ mute: true });
    await supervisor.client();
    workers[0]?.beat('idle');
    clock.freeze(3_600_000);
    clock.advance(5_000);
    await settled();
    expect(status()).toBe('healthy');
  });

  test('stop: later calls are told so', async () => {
    const { supervisor, clock, workers, pool } = setUp();
    await supervisor.client();
    const stopping = supervisor.stop();
    clock.advance(500);
    await stopping;
    expect(workers[0]?.terminated).toBe(true);
    expect(pool.workers.value).toHaveLength(0);
    await expect(supervisor.client()).rejects.toMatchObject({ code: 'worker.unavailable' });
  });
});
