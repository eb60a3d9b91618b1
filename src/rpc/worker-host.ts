// Everything a worker entry does besides its own work: handshake, callers, heartbeat, health, the batch channel.
// The composition root is called once, at the first message; calls that come earlier wait for it.
import type { ComposeWorker, WorkerContext, WorkerParts } from '../protocol/worker-context';
import { PROTOCOL_VERSION, type WorkerHealth, type WorkerKind } from '../protocol/workers';
import { parseHostMessage, type HostMessage, type WorkerMessage } from './handshake';
import { Heartbeat } from './heartbeat';
import { PeerData } from './peer-data';
import { serve, type Server } from './serve';

export type { WorkerContext, WorkerParts } from '../protocol/worker-context';

/** The part of a worker's global scope that is used. */
export interface WorkerScope {
  addEventListener(type: 'message', listener: (event: MessageEvent<unknown>) => void): void;
  postMessage(message: WorkerMessage): void;
  close(): void;
}

/** Call it synchronously while the module is evaluated: messages that come before are lost otherwise. */
export function startWorker(kind: WorkerKind, compose: ComposeWorker, scope: WorkerScope = self): void {
  const host = new WorkerHost(kind, compose, scope);
  scope.addEventListener('message', (event) => {
    const message = parseHostMessage(event.data);
    if (message) host.handle(message);
  });
}

class WorkerHost {
  readonly #kind: WorkerKind;
  readonly #compose: ComposeWorker;
  readonly #scope: WorkerScope;
  readonly #startedAt = performance.now();
  readonly #heartbeat: Heartbeat;
  readonly #peer: PeerData;
  #composing: Promise<WorkerParts> | null = null;
  #parts: WorkerParts | null = null;
  #failed = false;

  constructor(kind: WorkerKind, compose: ComposeWorker, scope: WorkerScope) {
    this.#kind = kind;
    this.#compose = compose;
    this.#scope = scope;
    this.#heartbeat = new Heartbeat(() =>
      scope.postMessage({ type: 'fragua:beat', activity: this.#activity() }),
    );
    this.#peer = new PeerData(() => scope.postMessage({ type: 'fragua:need-peer' }));
  }

  handle(message: HostMessage): void {
    switch (message.type) {
      case 'fragua:init':
        return this.#init(message);
      case 'fragua:caller':
        return this.#serveTab(message.port, message.callerLock);
      case 'fragua:peer':
        return this.#attachPeer(message.port);
      case 'fragua:stop':
        void this.#stop();
    }
  }

  #init(message: HostMessage & { type: 'fragua:init' }): void {
    if (this.#composing) return;
    this.#heartbeat.start(message.heartbeatMs);
    this.#composing = this.#build({
      kind: this.#kind,
      busPort: message.busPort,
      batches: this.#peer.api,
      encodings: this.#peer.api,
      beat: () => this.#heartbeat.progress(),
    });
    this.#serveCaller(message.callPort);
  }

  async #build(context: WorkerContext): Promise<WorkerParts> {
    try {
      this.#parts = await this.#compose(context);
      return this.#parts;
    } catch (error) {
      this.#failed = true;
      throw error;
    }
  }

  #serveCaller(port: MessagePort): Server | null {
    if (!this.#composing) return null;
    return serve(port, this.#composing, { health: () => this.#health() });
  }

  /** Ports do not tell that a tab was closed, its lock does: what it was reading must not go on for nobody. */
  #serveTab(port: MessagePort, callerLock: string): void {
    const server = this.#serveCaller(port);
    void navigator.locks.request(callerLock, () => server?.close());
  }

  #attachPeer(port: MessagePort): void {
    if (this.#kind === 'engine') this.#peer.attach(port);
    else if (this.#composing) {
      const served = this.#composing.then(({ peer }) => ({ api: peer ?? {}, transferResults: true }));
      serve(port, served);
    }
  }

  #activity(): string {
    if (this.#failed) return 'failed to start';
    return this.#parts?.activity() ?? 'starting';
  }

  #health(): WorkerHealth {
    return {
      kind: this.#kind,
      healthy: !this.#failed,
      activity: this.#activity(),
      uptimeMs: performance.now() - this.#startedAt,
      protocolVersion: PROTOCOL_VERSION,
      services: this.#parts?.services ?? [],
    };
  }

  async #stop(): Promise<void> {
    this.#heartbeat.stop();
    await this.#parts?.dispose();
    this.#scope.close();
  }
}
