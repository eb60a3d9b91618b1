// Makes batches ahead of the step that takes them: one producer, a queue of a fixed length, one consumer. The producer waits
// while the queue is full. What goes wrong and where an epoch ends travel through the queue as items of their own, so that
// nobody waits for a producer that is gone. A batch is only ever handed out under its own number.
import { AppError } from '../lib/errors';

export interface FetcherParts<Batch> {
  fetch: (index: number) => Promise<Batch>;
  /** Batches that may wait; 0 makes each one when it is asked for. */
  length: number;
  /** Whether an epoch ends before that batch. */
  epochEndsBefore: (index: number) => boolean;
  /** Milliseconds, monotonic. */
  now: () => number;
}

export interface FetcherMetrics {
  /** Batches that wait in the queue. */
  depth: number;
  /** Batches that were handed out. */
  taken: number;
  /** How often one was asked for that was not there yet, and milliseconds waited for them. */
  waits: number;
  waitedMs: number;
  /** Milliseconds that making a batch took, on average; 0 before the first. */
  producerMs: number;
  /** How often the producer found the queue full. */
  held: number;
  /** Ends of epochs that came through the queue. */
  epochsEnded: number;
}

type Item<Batch> =
  { kind: 'batch'; index: number; batch: Batch } | { kind: 'epoch-end' } | { kind: 'error'; error: unknown };

export class BatchFetcher<Batch> {
  readonly #parts: FetcherParts<Batch>;
  #queue: Item<Batch>[] = [];
  /** The producer at work; replaced when the consumer jumps. Only its own items get into the queue. */
  #producer: { done: Promise<void> } | null = null;
  #next = -1;
  #changed = signal();
  #stopped = false;
  readonly #metrics = { taken: 0, waits: 0, waitedMs: 0, made: 0, madeMs: 0, held: 0, epochsEnded: 0 };

  constructor(parts: FetcherParts<Batch>) {
    this.#parts = parts;
  }

  get metrics(): FetcherMetrics {
    const { taken, waits, waitedMs, made, madeMs, held, epochsEnded } = this.#metrics;
    const producerMs = made === 0 ? 0 : madeMs / made;
    return { depth: this.#depth, taken, waits, waitedMs, producerMs, held, epochsEnded };
  }

  /** @throws what making it threw, or AppError `rpc.cancelled` where the fetcher was stopped meanwhile. */
  async take(index: number): Promise<Batch> {
    const since = this.#parts.now();
    if (this.#parts.length === 0) return this.#makeNow(index, since);
    if (this.#producer === null || index !== this.#next) this.#produceFrom(index);
    let waited = false;
    for (;;) {
      const item = this.#shift();
      if (item === undefined) {
        waited = true;
        await this.#changed.promise;
        continue;
      }
      if (item.kind === 'epoch-end') {
        this.#metrics.epochsEnded += 1;
        continue;
      }
      if (waited) this.#noteWait(since);
      return this.#open(item);
    }
  }

  /** Nothing is made afterwards; resolves when the batch that is being made is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const { done } = this.#producer ?? {};
    this.#producer = null;
    this.#queue = [];
    this.#wake();
    await done;
  }

  get #depth(): number {
    return this.#queue.filter(({ kind }) => kind === 'batch').length;
  }

  #shift(): Item<Batch> | undefined {
    if (this.#stopped) throw stopped();
    const item = this.#queue.shift();
    if (item !== undefined) this.#wake();
    return item;
  }

  #open(item: Exclude<Item<Batch>, { kind: 'epoch-end' }>): Batch {
    if (item.kind === 'error') {
      // It ended with it; whoever asks again begins anew.
      this.#producer = null;
      throw item.error;
    }
    this.#next = item.index + 1;
    this.#metrics.taken += 1;
    return item.batch;
  }

  async #makeNow(index: number, since: number): Promise<Batch> {
    if (this.#stopped) throw stopped();
    if (index === this.#next && this.#parts.epochEndsBefore(index)) this.#metrics.epochsEnded += 1;
    const batch = await this.#make(index);
    this.#next = index + 1;
    this.#metrics.taken += 1;
    this.#noteWait(since);
    return batch;
  }

  async #make(index: number): Promise<Batch> {
    const since = this.#parts.now();
    const batch = await this.#parts.fetch(index);
    this.#metrics.made += 1;
    this.#metrics.madeMs += this.#parts.now() - since;
    return batch;
  }

  #noteWait(since: number): void {
    this.#metrics.waits += 1;
    this.#metrics.waitedMs += this.#parts.now() - since;
  }

  #produceFrom(index: number): void {
    this.#queue = [];
    this.#next = index;
    const producer = { done: Promise.resolve() };
    this.#producer = producer;
    this.#wake();
    producer.done = this.#produce(producer, index);
  }

  /** Never rejects. */
  async #produce(producer: object, first: number): Promise<void> {
    for (let index = first; this.#producer === producer; index += 1) {
      if (index > first && this.#parts.epochEndsBefore(index)) this.#push(producer, { kind: 'epoch-end' });
      if (this.#depth >= this.#parts.length) this.#metrics.held += 1;
      while (this.#producer === producer && this.#depth >= this.#parts.length) await this.#changed.promise;
      if (this.#producer !== producer) return;
      try {
        this.#push(producer, { kind: 'batch', index, batch: await this.#make(index) });
      } catch (error) {
        this.#push(producer, { kind: 'error', error });
        return;
      }
    }
  }

  #push(producer: object, item: Item<Batch>): void {
    if (this.#producer !== producer) return;
    this.#queue.push(item);
    this.#wake();
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = signal();
    resolve();
  }
}

const stopped = (): AppError => new AppError('rpc.cancelled', 'Making batches was stopped.');

interface Signal {
  promise: Promise<void>;
  resolve: () => void;
}

function signal(): Signal {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
