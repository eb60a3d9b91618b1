// A guest tab's connections to the owner's workers, one per kind, made when first needed and again after they broke.
import { AppError } from '../../lib/errors';
import type { WorkerKind } from '../../protocol/workers';
import { connect, type RpcClient } from '../../rpc/connect';
import type { PortBroker } from './port-broker';
import type { WorkerEntry } from './worker-catalog';

/** A new owner needs a moment to take over; then it is asked again. */
const ATTEMPTS = 8;
const RETRY_MS = 400;

type Client = RpcClient<object>;

export class GuestLink {
  readonly #broker: PortBroker;
  readonly #catalog: Record<WorkerKind, WorkerEntry>;
  readonly #onReach: (reached: boolean) => void;
  readonly #clients = new Map<WorkerKind, Promise<Client>>();
  readonly #open = new Set<Client>();

  /** `onReach` hears whether the last attempt found the owner. */
  constructor(
    broker: PortBroker,
    catalog: Record<WorkerKind, WorkerEntry>,
    onReach: (reached: boolean) => void,
  ) {
    this.#broker = broker;
    this.#catalog = catalog;
    this.#onReach = onReach;
  }

  /** @throws AppError `worker.unavailable` where the owner cannot be reached */
  async client(kind: WorkerKind): Promise<Client> {
    const known = this.#clients.get(kind);
    if (!known) return this.#renew(kind);
    const client = await known;
    if (!client.failure) return client;
    // The first one that notices makes the new connection, the others use it.
    return this.#clients.get(kind) === known ? this.#renew(kind) : this.client(kind);
  }

  /** The owner changed: what is pending is lost with it. */
  reset(): void {
    for (const client of this.#open) client.fail(ownerGone());
    this.#open.clear();
    this.#clients.clear();
  }

  #renew(kind: WorkerKind): Promise<Client> {
    const fresh = this.#connect(kind);
    this.#clients.set(kind, fresh);
    fresh.then(
      () => this.#onReach(true),
      () => {
        if (this.#clients.get(kind) === fresh) this.#clients.delete(kind);
        this.#onReach(false);
      },
    );
    return fresh;
  }

  async #connect(kind: WorkerKind): Promise<Client> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      const port = await this.#broker.request(kind);
      if (!port) continue;
      const { deadlineMs, deadlines } = this.#catalog[kind];
      const client = connect<object>(port, { name: kind, deadlineMs, deadlines });
      this.#open.add(client);
      return client;
    }
    throw new AppError('worker.unavailable', 'Another tab runs Fragua and cannot be reached from this one.', {
      details: { worker: kind },
      remedy: 'Go on in the other tab, or close it: this one then takes over.',
    });
  }
}

function ownerGone(): AppError {
  return new AppError('worker.dead', 'The tab that ran the workers was closed.', {
    remedy: 'Another tab takes over; try again in a moment.',
  });
}
