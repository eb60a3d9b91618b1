// Real workers behind the real clients, in groups of their own so that tests do not meet each other's locks.
import type { AppClients } from '../../src/app/clients/app-clients';
import { createClients, type ClientsOptions } from '../../src/app/clients/create-clients';
import type { WorkerEntry } from '../../src/app/clients/worker-catalog';
import { DEFAULT_POLICY } from '../../src/orchestrator/supervision-plan';
import type { WorkerKind } from '../../src/protocol/workers';
import type { FaultyApi, FaultyStreamCalls } from './rpc-fixture';

export interface EngineLike extends FaultyApi {
  generate: FaultyStreamCalls['count'];
  whoAmI(): Promise<string>;
  endedStreams(): Promise<number>;
  emitMetric(value: number): Promise<void>;
  batchTokens(index: number): Promise<number[]>;
  health(): Promise<{ healthy: boolean; services: string[]; activity: string }>;
}

/** The engine's client under the fixture's api: same object, other names behind it. */
export function engineOf(clients: AppClients): EngineLike {
  return clients.engine as unknown as EngineLike;
}

export const quickPolicy = {
  ...DEFAULT_POLICY,
  tickMs: 50,
  heartbeatMs: 100,
  deadlinesMs: { starting: 10_000 },
  defaultDeadlineMs: 400,
  pingMs: 400,
  backoffBaseMs: 50,
};

function entry(kind: WorkerKind): WorkerEntry {
  return {
    capabilities: [kind],
    deadlineMs: 20_000,
    deadlines: {},
    spawn: () =>
      new Worker(new URL('./workers-faulty.worker.ts', import.meta.url), { type: 'module', name: kind }),
  };
}

export const faultyCatalog = { engine: entry('engine'), data: entry('data'), features: entry('features') };

export function faultyClients(options: ClientsOptions = {}): AppClients {
  const groupName = `test-${crypto.randomUUID()}`;
  return createClients({ catalog: faultyCatalog, policy: quickPolicy, groupName, ...options });
}
