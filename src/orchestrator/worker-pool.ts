// The registry of workers: who there is, what each can do, how it is. Discovery hands out healthy ones in turn.
// It judges nothing: supervisors report to it.
import type { WorkerInfo, WorkerKind, WorkerStatus } from '../protocol/workers';
import { WritableObservable, type Observable } from './observable';

export interface Registration {
  kind: WorkerKind;
  capabilities: readonly string[];
  /** Protocol version the worker speaks. */
  version: number;
}

export interface Wanted {
  kind?: WorkerKind;
  /** All of them. */
  capabilities?: readonly string[];
  version?: number;
}

interface Entry {
  info: WorkerInfo;
  version: number;
}

export class WorkerPool {
  readonly #entries = new Map<string, Entry>();
  readonly #workers = new WritableObservable<readonly WorkerInfo[]>([]);
  readonly #turns = new Map<string, number>();
  #count = 0;

  get workers(): Observable<readonly WorkerInfo[]> {
    return this.#workers;
  }

  /** @returns the worker's id, `engine-1`. */
  register({ kind, capabilities, version }: Registration): string {
    const id = `${kind}-${++this.#count}`;
    const info: WorkerInfo = {
      id,
      kind,
      status: 'starting',
      capabilities: [...capabilities],
      lastHeartbeat: null,
      restarts: 0,
    };
    this.#entries.set(id, { info, version });
    this.#publish();
    return id;
  }

  /** Unknown ids are ignored here and below: a late message of a worker that has left. */
  deregister(id: string): void {
    if (this.#entries.delete(id)) this.#publish();
  }

  /** @param at milliseconds since the epoch. */
  heartbeat(id: string, at: number): void {
    this.#update(id, { lastHeartbeat: at, status: 'healthy' });
  }

  setStatus(id: string, status: WorkerStatus): void {
    this.#update(id, { status });
  }

  countRestart(id: string): void {
    const entry = this.#entries.get(id);
    if (entry) this.#update(id, { restarts: entry.info.restarts + 1, status: 'starting' });
  }

  /** Healthy workers that fit, by age. */
  healthy(wanted: Wanted = {}): WorkerInfo[] {
    return [...this.#entries.values()].filter((entry) => fits(entry, wanted)).map((entry) => entry.info);
  }

  /** One healthy worker that fits, each in turn; null where there is none. */
  discover(wanted: Wanted = {}): WorkerInfo | null {
    const candidates = this.healthy(wanted);
    if (candidates.length === 0) return null;
    const key = JSON.stringify([wanted.kind, wanted.capabilities, wanted.version]);
    const turn = this.#turns.get(key) ?? 0;
    this.#turns.set(key, turn + 1);
    return candidates[turn % candidates.length] ?? null;
  }

  #update(id: string, change: Partial<WorkerInfo>): void {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.info = { ...entry.info, ...change };
    this.#publish();
  }

  #publish(): void {
    this.#workers.set([...this.#entries.values()].map((entry) => entry.info));
  }
}

function fits({ info, version }: Entry, wanted: Wanted): boolean {
  return (
    info.status === 'healthy' &&
    (wanted.kind === undefined || info.kind === wanted.kind) &&
    (wanted.version === undefined || version === wanted.version) &&
    (wanted.capabilities ?? []).every((capability) => info.capabilities.includes(capability))
  );
}
