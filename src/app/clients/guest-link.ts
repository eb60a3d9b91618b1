// A guest tab's connections to the owner's workers, one per kind, made when first needed and again after they broke.
import { AppError } from '../../lib/errors';
import type { WorkerKind } from '../../protocol/workers';
import { connect, type RpcClient } from '../../rpc/connect';
import type { PortBroker } from './port-broker';
import type { WorkerEntry } from './worker-catalog';

/** A new owner needs a moment to take over; then it is asked again. */
const ATTEMPTS = 8;
const RETRY_MS = 400;

const KINDS: readonly WorkerKind[] = ['engine', 'data', 'features'];

type Client = RpcClient<object>;

export class GuestLink {
  readonly #broker: PortBroker;
  readonly #catalog: Record<WorkerKind, WorkerEntry>;
  readonly #onReach: (reached: boolean) => void;
  readonly #clients = new Map<WorkerKind, Promise<Client>>();
  readonly #open = new Map<WorkerKind, Client>();
  readonly #callerLock = `fragua-caller-${crypto.randomUUID()}`;
  #lockHeld: Promise<void> | null = null;
  #releaseLock: () => void = () => undefined;

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
    for (const kind of KINDS) this.drop(kind, ownerGone());
  }

  /** That worker died; the next call asks for its successor. */
  drop(kind: WorkerKind, error: AppError): void {
    this.#open.get(kind)?.fail(error);
    this.#open.get(kind)?.close();
    this.#open.delete(kind);
    this.#clients.delete(kind);
  }

  /** Lets the workers know that nobody reads any more. */
  dispose(): void {
    this.reset();
    this.#releaseLock();
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

  /** Resolves once the lock is held: the worker may then wait for it. */
  #holdLock(): Promise<void> {
    return new Promise((granted) => {
      const hold = () => {
        granted();
        return new Promise<void>((resolve) => (this.#releaseLock = resolve));
      };
      void navigator.locks.request(this.#callerLock, hold);
    });
  }

  async #connect(kind: WorkerKind): Promise<Client> {
    this.#lockHeld ??= this.#holdLock();
    await this.#lockHeld;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      const port = await this.#broker.request({ type: 'fragua:connect', kind, callerLock: this.#callerLock });
      if (!port) continue;
      const { deadlineMs, deadlines } = this.#catalog[kind];
      const client = connect<object>(port, { name: kind, deadlineMs, deadlines });
      this.#open.set(kind, client);
      return client;
    }
    throw new AppError('worker.unavailable', 'Another tab runs Fragua and cannot be reached from this one.', {
      details: { worker: kind },
      remedy: 'Go on in the other tab, or close it: this one then takes over.',
    });
  }
}

/** What a guest's pending calls get when the owner's worker died. */
export function workerGone(kind: WorkerKind): AppError {
  return new AppError('worker.dead', `The ${kind} worker died.`, {
    details: { worker: kind },
    remedy: 'It is being restarted; what was saved is kept. Try again in a moment.',
  });
}

function ownerGone(): AppError {
  return new AppError('worker.dead', 'The tab that ran the workers was closed.', {
    remedy: 'Another tab takes over; try again in a moment.',
  });
}
