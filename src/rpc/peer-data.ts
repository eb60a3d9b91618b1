// The engine's way to the data worker: an api that stays the same object while the port behind it is replaced.
// Calls wait for a port; calls under way when the data worker dies are rejected with `worker.dead`.
import { AppError } from '../lib/errors';
import type { PeerApi } from '../protocol/data';
import { type Clock, systemClock } from './clock';
import { callsOf, connect, type RpcClient } from './connect';

const PEER_WAIT_MS = 30_000;

export class PeerData {
  readonly api: PeerApi;
  readonly #needPeer: () => void;
  readonly #clock: Clock;
  readonly #waiting = new Set<(client: RpcClient<PeerApi>) => void>();
  #client: RpcClient<PeerApi> | null = null;

  /** `needPeer` asks for a port; it is called when something is wanted and there is none. */
  constructor(needPeer: () => void, clock: Clock = systemClock) {
    this.#needPeer = needPeer;
    this.#clock = clock;
    this.api = callsOf<PeerApi>((method, args) => this.#invoke(method, args));
  }

  attach(port: MessagePort): void {
    this.#client?.fail(
      new AppError('worker.dead', 'The data worker was restarted while it was asked.', {
        remedy: 'Resume the run from its last checkpoint, or encode the dataset again.',
      }),
    );
    // Tokenising a large dataset, or looking what of it is encoded, takes as long as it takes; death is noticed by the port.
    const deadlines = { openPlan: null, openEncoding: null };
    const client = connect<PeerApi>(port, { name: 'data', deadlineMs: 120_000, deadlines });
    this.#client = client;
    for (const resolve of this.#waiting) resolve(client);
    this.#waiting.clear();
  }

  async #invoke(method: string, args: unknown[]): Promise<unknown> {
    const { api } = await this.#connected();
    const call: unknown = Reflect.get(api, method);
    return (call as (...args: unknown[]) => Promise<unknown>)(...args);
  }

  #connected(): Promise<RpcClient<PeerApi>> {
    if (this.#client && !this.#client.failure) return Promise.resolve(this.#client);
    return new Promise((resolve, reject) => {
      const onAttach = (client: RpcClient<PeerApi>) => {
        stop();
        resolve(client);
      };
      const stop = this.#clock.after(PEER_WAIT_MS, () => {
        this.#waiting.delete(onAttach);
        reject(new AppError('worker.unavailable', `No data worker answered within ${PEER_WAIT_MS} ms.`));
      });
      // Asked once: a second port would take the first one's place, with the calls that are under way on it.
      const isFirst = this.#waiting.size === 0;
      this.#waiting.add(onAttach);
      if (isFirst) this.#needPeer();
    });
  }
}
