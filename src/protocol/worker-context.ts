// What a worker's composition root is given, and what it hands back. rpc/worker-host does the talking between them.
import type { BatchApi, PeerApi } from './data';
import type { EncodingApi } from './encoding';
import type { WorkerKind } from './workers';

export interface WorkerContext {
  kind: WorkerKind;
  /** Other end of the page's event bus: bridge the worker's own bus over it. The worker owns it from here on. */
  busPort: MessagePort;
  /** The data worker's batches (engine only). Survives a restart of the data worker: calls that were under way are
   * rejected with `worker.dead`, plans have to be opened again. */
  batches: BatchApi;
  /** The data worker's datasets to encode (engine only), likewise. */
  encodings: EncodingApi;
  /** Tells the supervisor that a long task is alive; call it between steps. Cheap: at most one message per second. */
  beat(): void;
}

/** What a composition root builds. `health()` is answered by the host. */
export interface WorkerParts<Api extends object = object, Streams extends object = object> {
  api: Api;
  /** Async generators. The host appends an AbortSignal to their arguments: it fires when the reader cancels. */
  streams?: Streams;
  /** Data worker only: what it answers the engine worker. Buffers of a batch are given away: keep a copy of what is to be used again. */
  peer?: Partial<PeerApi>;
  /** Names of the services inside, for diagnostics. */
  services?: string[];
  /** What it is doing, for people: `idle`, `training`, `generating`, ... */
  activity(): string;
  dispose(): void | Promise<void>;
}

export type ComposeWorker = (context: WorkerContext) => Promise<WorkerParts>;
