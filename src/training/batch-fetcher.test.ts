import { describe, expect, it } from 'vitest';
import { BatchFetcher, type FetcherParts } from './batch-fetcher';

/** A maker whose batches are done when the test says so. */
function maker() {
  const asked: number[] = [];
  const waiting = new Map<number, { resolve: (batch: string) => void; reject: (error: unknown) => void }>();
  return {
    asked,
    fetch: (index: number): Promise<string> => {
      asked.push(index);
      return new Promise((resolve, reject) => waiting.set(index, { resolve, reject }));
    },
    done: (index: number) => waiting.get(index)?.resolve(`batch ${index}`),
    fail: (index: number, error: unknown) => waiting.get(index)?.reject(error),
  };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

function fetcher(parts: Partial<FetcherParts<string>> = {}) {
  return new BatchFetcher<string>({
    fetch: (index) => Promise.resolve(`batch ${index}`),
    length: 2,
    epochEndsBefore: () => false,
    now: () => 0,
    ...parts,
  });
}

describe('1.H.12 the fetcher', () => {
  it('1.H.12 the queue is bounded: the producer waits while it is full', async () => {
    const asked: number[] = [];
    const queue = fetcher({
      length: 3,
      fetch: (index) => {
        asked.push(index);
        return Promise.resolve(`batch ${index}`);
      },
    });
    expect(await queue.take(0)).toBe('batch 0');
    await settle();
    expect(asked).toEqual([0, 1, 2, 3]);
    expect(queue.metrics).toMatchObject({ depth: 3, taken: 1, held: 1 });
    expect(await queue.take(1)).toBe('batch 1');
    await settle();
    expect(asked).toEqual([0, 1, 2, 3, 4]);
  });

  it('1.H.12 without a queue nothing is made ahead', async () => {
    const asked: number[] = [];
    const queue = fetcher({ length: 0, fetch: (index) => Promise.resolve(`batch ${asked.push(index)}`) });
    await queue.take(4);
    await settle();
    expect(asked).toEqual([4]);
    expect(queue.metrics).toMatchObject({ depth: 0, taken: 1, waits: 1 });
  });

  it('1.H.12 an error travels through the queue: what was made before it is handed out first', async () => {
    const made = maker();
    const queue = fetcher({ fetch: made.fetch });
    const first = queue.take(0);
    made.done(0);
    await settle();
    made.fail(1, new Error('gone'));
    expect(await first).toBe('batch 0');
    await expect(queue.take(1)).rejects.toThrow('gone');
  });

  it('1.H.12 nobody hangs on a producer that ended: asked again, it begins anew', async () => {
    let works = false;
    const fetch = (index: number) =>
      works ? Promise.resolve(`batch ${index}`) : Promise.reject(new Error('gone'));
    const queue = fetcher({ fetch });
    await expect(queue.take(7)).rejects.toThrow('gone');
    await expect(queue.take(7)).rejects.toThrow('gone');
    works = true;
    expect(await queue.take(7)).toBe('batch 7');
  });

  it('1.H.12 the end of an epoch travels through the queue', async () => {
    const queue = fetcher({ epochEndsBefore: (index) => index % 2 === 0 });
    const ended: number[] = [];
    for (const index of [0, 1, 2, 3, 4]) {
      expect(await queue.take(index)).toBe(`batch ${index}`);
      ended.push(queue.metrics.epochsEnded);
    }
    expect(ended).toEqual([0, 0, 1, 1, 2]);
  });

  it('1.H.12 stop drains: the queue is empty, a waiting consumer is told, nothing more is made', async () => {
    const made = maker();
    const queue = fetcher({ fetch: made.fetch });
    const waiting = expect(queue.take(0)).rejects.toMatchObject({ code: 'rpc.cancelled' });
    let stopped = false;
    const stopping = queue.stop().then(() => (stopped = true));
    await settle();
    expect(stopped).toBe(false);
    made.done(0);
    await Promise.all([waiting, stopping]);
    expect(queue.metrics.depth).toBe(0);
    expect(made.asked).toEqual([0]);
    await expect(queue.take(1)).rejects.toMatchObject({ code: 'rpc.cancelled' });
  });

  it('1.H.12 measures depth, waits, the time waited and how long a batch takes', async () => {
    const made = maker();
    let time = 0;
    const queue = fetcher({ length: 1, fetch: made.fetch, now: () => time });
    const first = queue.take(0);
    time = 30;
    made.done(0);
    await first;
    await settle();
    time = 40;
    made.done(1);
    await settle();
    time = 90;
    await queue.take(1);
    expect(queue.metrics).toMatchObject({ taken: 2, waits: 1, waitedMs: 30, producerMs: 20 });
  });

  it('a jump: what was made ahead is never handed out under another number', async () => {
    const made = maker();
    const queue = fetcher({ fetch: made.fetch });
    const first = queue.take(0);
    made.done(0);
    await first;
    await settle();
    const jumped = queue.take(9);
    made.done(1);
    await settle();
    made.done(9);
    expect(await jumped).toBe('batch 9');
    expect(made.asked).toEqual([0, 1, 9, 10]);
  });
});
