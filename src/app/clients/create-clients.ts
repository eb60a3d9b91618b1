// Composition root of the page's side: who owns the workers, and where a call goes. The owner's calls go to its own
// workers, a guest's to the owner's; both change hands without the callers noticing more than a rejected call.
import { bridgeBus } from '../../core/bus-bridge';
import { EventBus } from '../../core/event-bus';
import { WritableObservable } from '../../orchestrator/observable';
import type { SupervisionPolicy } from '../../orchestrator/supervision-plan';
import { WorkerPool } from '../../orchestrator/worker-pool';
import type { DataWorkerApi, DataWorkerStreams } from '../../protocol/data';
import type { EngineApi, EngineStreams } from '../../protocol/engine';
import type { FeaturesApi, FeaturesStreams } from '../../protocol/features';
import type { WorkerKind } from '../../protocol/workers';
import type { BrokerMessage } from '../../rpc/broker';
import type { RpcClient } from '../../rpc/connect';
import type { AppClients, Ownership } from './app-clients';
import { GuestLink, workerGone } from './guest-link';
import { liveClient } from './live-client';
import { ServiceWorkerBroker, type PortBroker } from './port-broker';
import { TabOwnership } from './tab-ownership';
import { WORKER_CATALOG, type WorkerEntry } from './worker-catalog';
import { WorkerFleet } from './worker-fleet';

export interface ClientsOptions {
  bus?: EventBus;
  broker?: PortBroker;
  catalog?: Record<WorkerKind, WorkerEntry>;
  policy?: SupervisionPolicy;
  /** Web Lock and broadcast channel of this group of tabs. */
  groupName?: string;
}

/** What the owner tells the guests. */
type Notice = { type: 'takeover' } | { type: 'died'; kind: WorkerKind };

/** Starts no worker yet: the first call does. */
export function createClients(options: ClientsOptions = {}): AppClients {
  const tab = new TabClients(options);
  const to = (kind: WorkerKind) => () => tab.client(kind);
  return {
    engine: liveClient<EngineApi, EngineStreams>(to('engine'), ['generate', 'tuneKernels', 'encodeDataset']),
    data: liveClient<DataWorkerApi, DataWorkerStreams>(to('data'), [
      'importDataset',
      'checkQuality',
      'exportVectors',
      'buildBackends',
      'downloadModel',
    ]),
    features: liveClient<FeaturesApi, FeaturesStreams>(to('features'), ['exportWeights']),
    bus: tab.bus,
    workers: tab.pool.workers,
    ownership: tab.ownership,
    decided: tab.decided,
    dispose: () => tab.dispose(),
  };
}

class TabClients {
  readonly bus: EventBus;
  readonly pool = new WorkerPool();
  readonly ownership = new WritableObservable<Ownership>('waiting');
  readonly #options: ClientsOptions;
  readonly #catalog: Record<WorkerKind, WorkerEntry>;
  readonly #broker: PortBroker;
  readonly #lock: TabOwnership;
  readonly #guest: GuestLink;
  /** Events of all tabs of the group. */
  readonly #events: BroadcastChannel;
  readonly #notices: BroadcastChannel;
  readonly decided: Promise<void>;
  readonly #cleanups: (() => void)[] = [];
  #fleet: WorkerFleet | null = null;
  #disposed = false;

  constructor(options: ClientsOptions) {
    const { groupName = 'fragua-engine' } = options;
    this.#options = options;
    this.bus = options.bus ?? new EventBus();
    this.#catalog = options.catalog ?? WORKER_CATALOG;
    this.#broker = options.broker ?? new ServiceWorkerBroker(navigator.serviceWorker);
    this.#guest = new GuestLink(this.#broker, this.#catalog, (reached) => this.#showGuest(reached));
    this.#events = new BroadcastChannel(`${groupName}.events`);
    this.#notices = new BroadcastChannel(`${groupName}.notices`);
    this.#lock = new TabOwnership({ locks: navigator.locks, lockName: groupName });
    this.#wire();
    this.decided = this.#lock.start().then(() => this.#showGuest(this.#broker.available));
    // Each call reports it.
    this.decided.catch(() => undefined);
  }

  /** The connection that a call goes to now. */
  async client(kind: WorkerKind): Promise<RpcClient<object>> {
    if (!this.#fleet) await this.decided;
    if (this.#fleet) return this.#fleet.client(kind);
    return this.#guest.client(kind);
  }

  async dispose(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.#disposed = true;
    this.#guest.dispose();
    await this.#fleet?.stop();
    this.#lock.stop();
    this.#events.close();
    this.#notices.close();
  }

  #wire(): void {
    this.#notices.addEventListener('message', (event) => this.#onNotice(event.data as Notice));
    this.#cleanups.push(
      bridgeBus(this.bus, this.#events),
      this.#broker.onRequest(
        (message, port) => this.#onGuest(message, port),
        () => this.#fleet !== null && !this.#disposed,
      ),
      this.#broker.onAvailable(() => this.#showGuest(true)),
      this.#lock.owned.subscribe((owned) => {
        if (owned) this.#becomeOwner();
      }),
    );
  }

  #becomeOwner(): void {
    const { bus, pool } = this;
    const { policy } = this.#options;
    const isHidden = () => document.visibilityState === 'hidden';
    this.#fleet = new WorkerFleet({
      bus,
      pool,
      catalog: this.#catalog,
      isHidden,
      onDied: (kind) => this.#announce({ type: 'died', kind }),
      ...(policy ? { policy } : {}),
    });
    this.#guest.reset();
    this.ownership.set('owner');
    this.#announce({ type: 'takeover' });
  }

  #onNotice(notice: Notice): void {
    if (this.#fleet) return;
    if (notice.type === 'takeover') this.#guest.reset();
    else this.#guest.drop(notice.kind, workerGone(notice.kind));
  }

  #announce(notice: Notice): void {
    if (!this.#disposed) this.#notices.postMessage(notice);
  }

  #onGuest(message: BrokerMessage, port: MessagePort): void {
    if (this.#fleet) this.#fleet.addCaller(message, port);
    else port.close();
  }

  #showGuest(reached: boolean): void {
    if (!this.#fleet) this.ownership.set(reached ? 'guest' : 'waiting');
  }
}
