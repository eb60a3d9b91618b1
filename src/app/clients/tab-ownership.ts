// Which of several tabs runs the workers: the one that holds the Web Lock. The browser hands the lock on when the tab
// closes or crashes, so there is nothing to elect.
import { WritableObservable, type Observable } from '../../orchestrator/observable';
import { ENGINE_LOCK } from '../../rpc/broker';

export interface OwnershipOptions {
  locks: LockManager;
  lockName?: string;
}

export class TabOwnership {
  readonly #locks: LockManager;
  readonly #name: string;
  readonly #owned = new WritableObservable(false);
  readonly #giveUp = new AbortController();
  #release: () => void = () => undefined;

  constructor({ locks, lockName = ENGINE_LOCK }: OwnershipOptions) {
    this.#locks = locks;
    this.#name = lockName;
  }

  get owned(): Observable<boolean> {
    return this.#owned;
  }

  /** Resolves when it is known whether the lock was free; where it was not, stays in the queue for it. */
  async start(): Promise<void> {
    const decided = new Promise<boolean>((resolve, reject) => {
      const hold = (lock: Lock | null) => {
        resolve(lock !== null);
        return lock === null ? undefined : this.#hold();
      };
      this.#locks.request(this.#name, { ifAvailable: true }, hold).catch(reject);
    });
    if (await decided) return;
    this.#locks
      .request(this.#name, { signal: this.#giveUp.signal }, () => this.#hold())
      .catch(() => undefined); // Given up before it was granted.
  }

  /** Gives the lock back, or leaves the queue. */
  stop(): void {
    this.#giveUp.abort();
    this.#owned.set(false);
    this.#release();
  }

  #hold(): Promise<void> {
    if (this.#giveUp.signal.aborted) return Promise.resolve();
    const held = new Promise<void>((resolve) => (this.#release = resolve));
    this.#owned.set(true);
    return held;
  }
}
