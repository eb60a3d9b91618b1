// A worker that stands in for each of the three, for the tests of supervision, clients and tabs.
import { bridgeBus } from '../../src/core/bus-bridge';
import { EventBus } from '../../src/core/event-bus';
import type { TokenBatch } from '../../src/protocol/batches';
import type { BatchApi } from '../../src/protocol/data';
import type { WorkerContext, WorkerParts } from '../../src/protocol/worker-context';
import type { WorkerKind } from '../../src/protocol/workers';
import { startWorker } from '../../src/rpc/worker-host';
import { FaultyApi, FaultyStreams } from './rpc-fixture';

/** Identity of this very worker: a restart gives another. */
const identity = crypto.randomUUID();

class EngineLikeApi extends FaultyApi {
  readonly #context: WorkerContext;
  readonly #bus: EventBus;
  readonly #streams: FaultyStreams;

  constructor(context: WorkerContext, bus: EventBus, streams: FaultyStreams) {
    super();
    this.#streams = streams;
    this.#context = context;
    this.#bus = bus;
  }

  whoAmI(): Promise<string> {
    return Promise.resolve(identity);
  }

  endedStreams(): Promise<number> {
    return Promise.resolve(this.#streams.ended);
  }

  emitMetric(value: number): Promise<void> {
    this.#bus.emit('metric.logged', { name: 'test', value, labels: {} }, 'test');
    return Promise.resolve();
  }

  async batchTokens(index: number): Promise<number[]> {
    return [...(await this.#context.batches.trainBatch('plan', index)).tokens];
  }
}

const refused = () => Promise.reject(new Error('not in this test'));
const peer: BatchApi = {
  openPlan: refused,
  evalBatch: refused,
  evalPrompts: refused,
  samplingMetrics: refused,
  closePlan: refused,
  trainBatch: (_plan, index) => Promise.resolve(batchOf(index)),
};

function batchOf(index: number): TokenBatch {
  const row = () => Int32Array.of(index, index + 1);
  return {
    rows: 1,
    length: 2,
    tokens: row(),
    labels: row(),
    positions: row(),
    segments: row(),
    targetTokens: 2,
  };
}

function compose(context: WorkerContext): Promise<WorkerParts> {
  const bus = new EventBus();
  bridgeBus(bus, context.busPort);
  const streams = new FaultyStreams();
  return Promise.resolve({
    api: new EngineLikeApi(context, bus, streams),
    streams,
    peer,
    services: ['faulty'],
    activity: () => 'idle',
    dispose: () => undefined,
  });
}

startWorker(self.name as WorkerKind, compose);
