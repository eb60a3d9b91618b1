// The workers of the tab that owns them: one supervisor each, the batch channel between data and engine, and their
// events on the page's bus. Nothing is started before the first call.
import { bridgeBus } from '../../core/bus-bridge';
import type { EventBus } from '../../core/event-bus';
import type { AppError } from '../../lib/errors';
import { Supervisor } from '../../orchestrator/supervisor';
import type { SupervisionPolicy } from '../../orchestrator/supervision-plan';
import type { WorkerPool } from '../../orchestrator/worker-pool';
import type { WorkerKind } from '../../protocol/workers';
import type { BrokerMessage } from '../../rpc/broker';
import type { RpcClient } from '../../rpc/connect';
import type { WorkerEntry } from './worker-catalog';

export interface FleetOptions {
  bus: EventBus;
  pool: WorkerPool;
  catalog: Record<WorkerKind, WorkerEntry>;
  isHidden: () => boolean;
  /** A worker died: what other tabs had pending with it is lost. */
  onDied: (kind: WorkerKind) => void;
  policy?: SupervisionPolicy;
}

export class WorkerFleet {
  readonly #options: FleetOptions;
  readonly #supervisors: Record<WorkerKind, Supervisor>;
  /** The engine asked for batches; a data worker that starts later is joined to it. */
  #engineWantsPeer = false;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#supervisors = {
      engine: this.#supervise('engine'),
      data: this.#supervise('data'),
      features: this.#supervise('features'),
    };
  }

  client(kind: WorkerKind): Promise<RpcClient<object>> {
    return this.#supervisors[kind].client();
  }

  /** Another tab's port. */
  addCaller({ kind, callerLock }: BrokerMessage, port: MessagePort): void {
    this.#supervisors[kind].addCaller(port, callerLock);
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#supervisors).map((supervisor) => supervisor.stop()));
  }

  #supervise(kind: WorkerKind): Supervisor {
    const { bus, pool, catalog, isHidden, policy } = this.#options;
    const { capabilities, deadlineMs, deadlines, spawn } = catalog[kind];
    return new Supervisor({
      kind,
      capabilities,
      pool,
      spawn,
      isHidden,
      connectOptions: { deadlineMs, deadlines },
      bridge: (port) => bridgeBus(bus, port),
      onStarted: () => this.#onStarted(kind),
      onDied: (error) => this.#onDied(kind, error),
      onNeedPeer: () => this.#onNeedPeer(),
      ...(policy ? { policy } : {}),
    });
  }

  #onStarted(kind: WorkerKind): void {
    if (kind === 'data' && this.#engineWantsPeer) this.#joinBatches();
  }

  #onDied(kind: WorkerKind, error: AppError): void {
    if (kind === 'engine') this.#engineWantsPeer = false;
    this.#options.onDied(kind);
    const { code, message, remedy } = error;
    this.#options.bus.emit(
      'error.occurred',
      { code, message, remedy, context: `${kind} worker` },
      'supervisor',
    );
  }

  #onNeedPeer(): void {
    this.#engineWantsPeer = true;
    const { data } = this.#supervisors;
    if (data.isRunning) this.#joinBatches();
    else data.ensureStarted();
  }

  #joinBatches(): void {
    const { port1, port2 } = new MessageChannel();
    this.#supervisors.engine.attachPeer(port1);
    this.#supervisors.data.attachPeer(port2);
  }
}
