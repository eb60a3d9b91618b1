import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AppClients } from '../../src/app/clients/app-clients';
import { engineOf, faultyClients } from './workers-fixture';

const made: AppClients[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((clients) => clients.dispose()));
});

function setUp() {
  const clients = faultyClients();
  made.push(clients);
  return { clients, engine: engineOf(clients) };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'resolved',
    (error: { code?: string }) => error.code,
  );

/** Waits for the engine to be heard of again. */
async function beatOf({ workers }: AppClients): Promise<void> {
  const lastBeat = () => workers.value.find(({ kind }) => kind === 'engine')?.lastHeartbeat ?? 0;
  const now = Date.now();
  await vi.waitFor(() => expect(lastBeat()).toBeGreaterThan(now), 5_000);
}

describe('workers', () => {
  test('lazy: none runs before the first call, then one does and is healthy', async () => {
    const { clients, engine } = setUp();
    await vi.waitFor(() => expect(clients.ownership.value).toBe('owner'));
    expect(clients.workers.value.every((worker) => worker.lastHeartbeat === null)).toBe(true);
    await expect(engine.add(1, 2)).resolves.toBe(3);
    await vi.waitFor(() => {
      expect(clients.workers.value.find((worker) => worker.kind === 'engine')?.status).toBe('healthy');
    });
    expect(clients.workers.value.find((worker) => worker.kind === 'data')?.lastHeartbeat).toBeNull();
  });

  test('health: answered by the host with activity and services', async () => {
    const { engine } = setUp();
    await engine.add(1, 1);
    await expect(engine.health()).resolves.toMatchObject({
      healthy: true,
      activity: 'idle',
      services: ['faulty'],
    });
  });

  test('death by an uncaught error: pending rejected, the next call reaches a new worker', async () => {
    const { clients, engine } = setUp();
    const before = await engine.whoAmI();
    const heard: string[] = [];
    clients.bus.on('error.occurred', ({ code }) => heard.push(code));
    const hanging = codeOf(engine.hang());
    expect(await codeOf(engine.die())).toBe('worker.dead');
    expect(await hanging).toBe('worker.dead');
    expect(heard).toContain('worker.dead');
    expect(await engine.whoAmI()).not.toBe(before);
    expect(clients.workers.value.find((worker) => worker.kind === 'engine')?.restarts).toBe(1);
  });

  test('hang: a thread that never yields is found, ended and replaced', async () => {
    const { clients, engine } = setUp();
    const before = await engine.whoAmI();
    await beatOf(clients); // Until then it counts as starting, which is granted more time.
    expect(await codeOf(engine.block(60_000))).toBe('worker.dead');
    expect(await engine.whoAmI()).not.toBe(before);
  });

  test('stream: breaking the loop reaches the generator in the worker', async () => {
    const { engine } = setUp();
    const items: number[] = [];
    for await (const item of engine.generate(1e9, null)) {
      items.push(item);
      if (item === 3) break;
    }
    expect(items).toEqual([0, 1, 2, 3]);
    await expect(engine.add(1, 1)).resolves.toBe(2);
  });

  test('bus: an event of the worker is heard once on the page, and none comes back', async () => {
    const { clients, engine } = setUp();
    const heard: number[] = [];
    clients.bus.on('metric.logged', ({ value }) => heard.push(value));
    await engine.emitMetric(7);
    await engine.emitMetric(8);
    await vi.waitFor(() => expect(heard).toEqual([7, 8]));
    await engine.add(1, 1);
    expect(heard).toEqual([7, 8]);
  });

  test('batches: the engine gets them from the data worker, also after the engine was replaced', async () => {
    const { engine } = setUp();
    await expect(engine.batchTokens(4)).resolves.toEqual([4, 5]);
    await codeOf(engine.die());
    await expect(engine.batchTokens(6)).resolves.toEqual([6, 7]);
  });

  test('batches: a data worker that died is replaced for the engine too', async () => {
    const { clients, engine } = setUp();
    await engine.batchTokens(1);
    const data = clients.data as unknown as {
      die(): Promise<void>;
      add(a: number, b: number): Promise<number>;
    };
    expect(await codeOf(data.die())).toBe('worker.dead');
    await data.add(1, 1);
    await expect(engine.batchTokens(2)).resolves.toEqual([2, 3]);
  });
});
